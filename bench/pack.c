/*
 * pack.c - snapshots on their way: time and room of packing NEW, of the patch
 * from OLD to it, and of unpacking both.
 *
 *     pack OLD NEW DIR
 */

#include "pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

typedef struct {
    const char      *old;
    const char      *new;
    char             whole[512];
    char             patch[512];
    char             back[512];
    uint64_t         size;          /* of new */
    onsite_error_t   error;
} pack_t;


static double
seconds(clockid_t id)
{
    struct timespec  now;

    (void) clock_gettime(id, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}


static onsite_status_t
step(pack_t *pack, int i, uint64_t *bytes)
{
    switch (i) {

    case 0:
        return pack_whole(pack->new, pack->whole, NULL, bytes, &pack->error);

    case 1:
        return pack_patch(pack->old, pack->new, pack->patch, pack->size,
                          bytes, &pack->error);

    case 2:
        *bytes = pack->size;
        return pack_open(pack->whole, NULL, pack->back, pack->size,
                         &pack->error);

    default:
        *bytes = pack->size;
        return pack_open(pack->patch, pack->old, pack->back, pack->size,
                         &pack->error);
    }
}


int
main(int argc, char **argv)
{
    int            i;
    double         cpu, clock;
    pack_t         pack = { .old = argv[1], .new = argv[2] };
    uint64_t       bytes;
    struct stat    st;
    struct rusage  usage;

    static const char *const  names[] = {
        "packed", "as a patch", "unpacked", "patched"
    };

    if (argc != 4 || stat(argv[2], &st) != 0) {
        (void) fputs("usage: pack OLD NEW DIR\n", stderr);
        return 2;
    }

    pack.size = (uint64_t) st.st_size;
    (void) snprintf(pack.whole, sizeof(pack.whole), "%s/whole.zst", argv[3]);
    (void) snprintf(pack.patch, sizeof(pack.patch), "%s/patch.zst", argv[3]);
    (void) snprintf(pack.back, sizeof(pack.back), "%s/back.mdb", argv[3]);

    for (i = 0; i < 4; i++) {
        cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        clock = seconds(CLOCK_MONOTONIC);

        if (step(&pack, i, &bytes) != ONSITE_OK) {
            (void) fprintf(stderr, "%s\n", pack.error.text);
            return 1;
        }

        (void) getrusage(RUSAGE_SELF, &usage);
        (void) printf("%-11s %11llu bytes  %6.2f s, %6.2f s of processor, "
                      "%ld MB at most, files that are mapped among them\n",
                      names[i], (unsigned long long) bytes,
                      seconds(CLOCK_MONOTONIC) - clock,
                      seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
                      usage.ru_maxrss / 1024);
    }

    return 0;
}
