/*
 * scanner.c - how fast the scanner reads pages, in pieces of 16 KB, with one
 * insertion before </body>, without and with slots to be looked for: 25 MB of
 * pages like a shop's, 25 MB that are dense with tags, and up to 25 MB of each
 * list of real ones.
 *
 * usage: scanner [rounds [list ...]], where a list is a file that names pages,
 * one a line; beside the scanner, as a unit that is the same on every machine,
 * memchr from one "<" to the next over the same bytes.  Time is that of the
 * processor, so that others on the machine do not count; rounds take turns.
 */

#include "onsite_buf.h"
#include "onsite_inject.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BYTES   (25 * 1000 * 1000)
#define PAGES   4096
#define PIECE   16384
#define ROUNDS  21

#define ROUNDS_MAX  1001

typedef struct {
    onsite_buf_t  pages;
    size_t        starts[PAGES];
    size_t        n;
} corpus_t;

typedef size_t (*work_pt)(const corpus_t *corpus);


static double
now(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}


static uint32_t
pick(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525 + 1013904223;

    return (uint32_t) (((uint64_t) *seed * n) >> 32);
}


static void
words(onsite_buf_t *out, uint32_t *seed, uint32_t n)
{
    static const char *const  list[] = {
        "light", "running", "shoe", "with", "a", "breathable", "upper",
        "made", "of", "recycled", "polyester", "and", "soft", "sole"
    };

    while (n-- != 0) {
        onsite_buf_printf(out, "%s ", list[pick(seed, 14)]);
    }
}


static void
product(onsite_buf_t *out, uint32_t *seed)
{
    uint32_t  id = pick(seed, 1000000);

    onsite_buf_printf(out,
        "      <li class=\"product-grid__item product-card\" data-sku=\"%u\""
        " data-position='%u'>\n"
        "        <a class=\"product-card__link\" href=\"/p/%u?ref=grid&amp;"
        "position=%u\" title=\"Product %u\">\n"
        "          <img class=\"product-card__image\" loading=\"lazy\" src=\""
        "https://img.example/%u/400x400.webp\" width=\"400\" height=\"400\""
        " alt=\"Product %u\">\n"
        "          <h3 class=\"product-card__title\">", id, pick(seed, 100),
        id, pick(seed, 100), id, id, id);
    words(out, seed, 4 + pick(seed, 6));
    onsite_buf_printf(out,
        "</h3>\n          <svg class=\"icon\" viewBox=\"0 0 24 24\"><path"
        " d=\"M12 17.27L18.18 21l-1.64-7.03L22 9.24l-7.19-.61z\"/></svg>\n"
        "          <p class=\"product-card__text\">");
    words(out, seed, 15 + pick(seed, 25));
    onsite_buf_printf(out,
        "</p>\n          <span class=\"price\">%u.99&nbsp;&euro;</span>\n"
        "        </a>\n      </li>\n", pick(seed, 300));
}


static void
script(onsite_buf_t *out, uint32_t *seed, uint32_t lines)
{
    onsite_buf_printf(out, "<script>\n");

    while (lines-- != 0) {
        onsite_buf_printf(out, "  if (a%u < b.length && !c[%u]) { d.push({"
                          "name: \"item %u\", value: '<b>' + e + '</b>'}); }"
                          "\n", pick(seed, 99), pick(seed, 99),
                          pick(seed, 999));
    }

    onsite_buf_printf(out, "</script>\n");
}


static void
page(onsite_buf_t *out, uint32_t *seed)
{
    uint32_t  i, n = 20 + pick(seed, 60);

    onsite_buf_printf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                      "<meta charset=\"utf-8\">\n<title>Shop</title>\n"
                      "<!-- build 1234 -->\n<link rel=\"stylesheet\""
                      " href=\"/a.css\">\n<style>\n");

    for (i = 0; i < 60; i++) {
        onsite_buf_printf(out, ".c%u > .d { color: #%06x; margin: 0 auto }\n",
                          i, pick(seed, 0xffffff));
    }

    onsite_buf_printf(out, "</style>\n");
    script(out, seed, 60);
    onsite_buf_printf(out, "</head>\n<body class=\"page\">\n<ul>\n");

    for (i = 0; i < n; i++) {
        product(out, seed);
    }

    onsite_buf_printf(out, "</ul>\n");
    script(out, seed, 40);
    onsite_buf_printf(out, "</body>\n</html>\n");
}


/* A "<" every 17 bytes, as in long texts. */

static void
dense_page(onsite_buf_t *out, uint32_t *seed)
{
    uint32_t  i, n = 100 + pick(seed, 600);

    onsite_buf_printf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>"
                      "<title>Text</title></head>\n<body>\n");

    for (i = 0; i < n; i++) {
        onsite_buf_printf(out, "<p>Paragraph %u of a page that a shop might"
                          " serve, with <a href=\"/p/%u\">a link</a> and"
                          " <b>words</b>.</p>\n", i, i);
    }

    onsite_buf_printf(out, "</body>\n</html>\n");
}


static void *
allocate(void *data, size_t size)
{
    (void) data;

    return malloc(size);
}


static size_t
scan_pages(const corpus_t *corpus, unsigned slots)
{
    size_t              i, at, end, len, sent = 0;
    onsite_slice_t      slice;
    onsite_inject_t    *inject = malloc(onsite_inject_size());
    const onsite_str_t  names[] = { ONSITE_STR("hero"), ONSITE_STR("cart") };

    for (i = 0; i < corpus->n; i++) {
        end = i + 1 < corpus->n ? corpus->starts[i + 1] : corpus->pages.len;
        onsite_inject_init(inject, 1u << ONSITE_PLACE_BODY_END);
        onsite_inject_slots(inject, names, slots);
        onsite_inject_memory(inject, allocate, NULL);
        onsite_inject_is_document(inject);

        for (at = corpus->starts[i]; at < end; at += len) {
            len = end - at < PIECE ? end - at : PIECE;
            onsite_inject_feed(inject, onsite_str(corpus->pages.data + at,
                                                  len), at + len == end);
            while (onsite_inject_next(inject, &slice)) {
                sent += slice.bytes.len;
            }
        }

        if (onsite_inject_count(inject) != 1) {
            fprintf(stderr, "page %zu: not inserted\n", i);
            exit(1);
        }
    }

    free(inject);

    return sent;
}


static size_t
scan(const corpus_t *corpus)
{
    return scan_pages(corpus, 0);
}


static size_t
scan_for_slots(const corpus_t *corpus)
{
    return scan_pages(corpus, 2);
}


static size_t
count_tags(const corpus_t *corpus)
{
    size_t       n = 0;
    const char  *p = corpus->pages.data, *end = p + corpus->pages.len;

    for (p = memchr(p, '<', corpus->pages.len); p != NULL; n++) {
        p++;
        p = memchr(p, '<', (size_t) (end - p));
    }

    return n;
}


static int
compare(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


static double
seconds(work_pt work, const corpus_t *corpus)
{
    double           start = now();
    volatile size_t  result = work(corpus);

    (void) result;

    return now() - start;
}


static void
tell(const char *name, double *times, int rounds, size_t bytes)
{
    qsort(times, (size_t) rounds, sizeof(double), compare);

    printf("  %-24s %6.2f GB/s median, %6.2f best\n", name,
           (double) bytes / times[rounds / 2] / 1e9,
           (double) bytes / times[0] / 1e9);
}


static void
measure(const corpus_t *corpus, const char *name, int rounds)
{
    int     i;
    double  times[3][ROUNDS_MAX];

    printf("%s: %zu pages, %.1f MB, a \"<\" every %.0f bytes\n", name,
           corpus->n, (double) corpus->pages.len / 1e6,
           (double) corpus->pages.len / (double) count_tags(corpus));

    for (i = 0; i < rounds; i++) {
        times[0][i] = seconds(scan, corpus);
        times[1][i] = seconds(scan_for_slots, corpus);
        times[2][i] = seconds(count_tags, corpus);
    }

    tell("scanner", times[0], rounds, corpus->pages.len);
    tell("scanner, slots wanted", times[1], rounds, corpus->pages.len);
    tell("memchr to every \"<\"", times[2], rounds, corpus->pages.len);
}


static bool
has_room(const corpus_t *corpus)
{
    return corpus->pages.len < BYTES && corpus->n < PAGES;
}


static void
generated(const char *name, void (*add)(onsite_buf_t *out, uint32_t *seed),
    corpus_t *corpus, int rounds)
{
    uint32_t  seed = 1;

    onsite_buf_clear(&corpus->pages);
    corpus->n = 0;

    while (has_room(corpus)) {
        corpus->starts[corpus->n++] = corpus->pages.len;
        add(&corpus->pages, &seed);
    }

    measure(corpus, name, rounds);
}


static void
add_file(corpus_t *corpus, const char *name)
{
    char    bytes[4096];
    FILE   *file = fopen(name, "r");
    size_t  len, start = corpus->pages.len;

    if (file == NULL) {
        return;
    }

    while ((len = fread(bytes, 1, sizeof(bytes), file)) != 0) {
        onsite_buf_str(&corpus->pages, onsite_str(bytes, len));
    }

    fclose(file);

    if (corpus->pages.len != start) {
        corpus->starts[corpus->n++] = start;
    }
}


static void
listed(const char *list, corpus_t *corpus, int rounds)
{
    char   name[1024];
    FILE  *file = fopen(list, "r");

    if (file == NULL) {
        perror(list);
        exit(1);
    }

    onsite_buf_clear(&corpus->pages);
    corpus->n = 0;

    while (has_room(corpus) && fgets(name, sizeof(name), file) != NULL) {
        name[strcspn(name, "\n")] = '\0';
        add_file(corpus, name);
    }

    fclose(file);

    if (corpus->n != 0) {
        measure(corpus, list, rounds);
    }
}


int
main(int argc, char **argv)
{
    int       i, rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
    corpus_t *corpus = calloc(1, sizeof(corpus_t));

    if (corpus == NULL || rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: scanner [rounds: 1 to 1001 [list ...]]\n");
        return 2;
    }

    onsite_buf_init(&corpus->pages, 0);
    generated("a shop's pages", page, corpus, rounds);
    generated("dense with tags", dense_page, corpus, rounds);

    for (i = 2; i < argc; i++) {
        listed(argv[i], corpus, rounds);
    }

    onsite_buf_free(&corpus->pages);
    free(corpus);

    return 0;
}
