/*
 * onsite_crawler_table.h - the automaton of known crawlers, as
 * packaging/crawler_table writes it.
 *
 * A state is a number.  Below n_cells it is where its row begins: the next
 * state for each column, a class of bytes.  Behind them are states that store
 * only what differs from their default state, which is asked for the rest: the
 * first n_listed ones a list of bytes and states; the others one byte, the
 * label, that leads to the state of the next number (with bit 7: to the end of
 * the search; 0: no byte).
 */

#ifndef ONSITE_CRAWLER_TABLE_H
#define ONSITE_CRAWLER_TABLE_H

#include <stdint.h>

#define ONSITE_CRAWLER_MATCH  0xffff    /* a state that is the end          */

/* Of a state that means something at its end. */
#define ONSITE_CRAWLER_AT_END 1         /* a match, if the text ends here   */
#define ONSITE_CRAWLER_MARK   2         /* + 2 * i: sets mark i             */
#define ONSITE_CRAWLER_BEHIND 3         /* + 2 * i: a match, if mark i was set
                                           before its lengths[i] bytes      */
#define ONSITE_CRAWLER_MARKS  8

extern const uint32_t  onsite_crawler_begin;        /* the state to begin in*/
extern const uint32_t  onsite_crawler_n_cells;
extern const uint32_t  onsite_crawler_n_listed;
extern const uint32_t  onsite_crawler_n_meant;

extern const uint8_t   onsite_crawler_columns[];    /* of the 256 bytes     */
extern const uint16_t  onsite_crawler_rows[];       /* n_cells              */
extern const uint16_t  onsite_crawler_first[];      /* n_listed + 1: into
                                                       bytes and targets    */
extern const uint8_t   onsite_crawler_bytes[];
extern const uint16_t  onsite_crawler_targets[];
extern const uint8_t   onsite_crawler_labels[];     /* of chained states    */
extern const uint16_t  onsite_crawler_defaults[];   /* of all without a row */
extern const uint16_t  onsite_crawler_meant[];      /* states, ascending    */
extern const uint8_t   onsite_crawler_meanings[];   /* theirs               */
extern const uint8_t   onsite_crawler_lengths[];    /* by mark              */

#endif
