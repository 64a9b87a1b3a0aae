/*
 * explain.h - what the two files of `explain` share.
 */

#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "loader.h"

#include "onsite_engine.h"

/* Of one campaign. */
typedef struct {
    bool             told;      /* the decision came to it                 */
    onsite_reason_t  reason;
    onsite_value_t   detail;    /* object, or ABSENT                       */
} verdict_t;

/* Appends a sentence: "welcome is not shown: cart.items is 5, and has to be
 * less than 4." */
void explain_write_sentence(onsite_buf_t *out, const onsite_image_t *image,
    const onsite_campaign_t *campaign, const verdict_t *verdict);

/* {"waits_for":"Page Viewed"}: what a campaign that is not told waits for. */
void explain_write_trigger(onsite_buf_t *out, const onsite_image_t *image,
    const onsite_campaign_t *campaign);

/* To a terminal: nothing that moves its cursor or turns its text around. */
void explain_print(FILE *out, const char *text, size_t len);

#endif
