/*
 * main.c - lmdb-loader: the command table.
 */

#include "loader.h"
#include "onsite_release.h"

#include <string.h>


static const loader_command_t  commands[] = {
    { "lint", "DIR", "check campaign files", loader_lint },
    { "build", "DIR -o FILE",
      "build a snapshot from campaign files and slow data",
      loader_build },
    { "inspect", "FILE", "tell what a snapshot holds", loader_inspect },
    { "replay", "FILE --events LOG",
      "run recorded events through a snapshot, offline", loader_replay },
    { "explain", "[FILE] --event JSON",
      "tell why each campaign is shown, or not", loader_explain },
    { "preview", "--campaign ID --url URL",
      "sign a link that shows one campaign in its page", loader_preview },
    { "keygen", "-o FILE", "make a pair of keys to publish with",
      loader_keygen },
    { "sign", "FILE --key KEY", "write a signed manifest beside a snapshot",
      loader_sign },
    { "verify", "FILE --trust PUB", "check a snapshot against its manifest",
      loader_verify },
    { "publish", "FILE --to STORE", "sign a snapshot and put it into a store",
      loader_publish },
    { "sync", "--from STORE --to FILE", "keep a snapshot file current",
      loader_sync },
    { "rollback", "--to FILE", "go back to a version that sync has kept",
      loader_rollback },
    { "state", "DIR", "print visitors' records as NDJSON", loader_state },
    { "outbox", "DIR", "print what waits to leave as NDJSON", loader_outbox },
    { "drain", "DIR --to URL", "hand events that wait over, and keep on",
      loader_drain },
    { "deliver", "DIR --endpoints FILE", "send deliveries that wait",
      loader_deliver },
    { "checkpoint", "DIR --to FOLDER",
      "copy a live state to a disk, and keep on", loader_checkpoint },
    { "restore", "FOLDER --to DIR", "make a state of the latest checkpoint",
      loader_restore },
    { "run", "CONFIG", "the sidecar: all that a POP does, in one",
      loader_run },
    { "status", "[DIR]", "tell how a POP is, and what helps",
      loader_status },
    { "roam", "DIR --with nats://…",
      "exchange visitors' records with other machines, and keep on",
      loader_roam },
    { "doctor", "[DIR]", "find what is wrong, and what to do about it",
      loader_doctor },
    { "export", "DIR --visitor ID", "print all that is held of a visitor",
      loader_export },
    { "erase", "DIR --customer ID", "erase a customer or a visitor",
      loader_erase },
};

#define COMMANDS  (sizeof(commands) / sizeof(commands[0]))


static void
print_usage(FILE *out)
{
    size_t  i;

    (void) fprintf(out, "usage: lmdb-loader COMMAND …\n\n");

    for (i = 0; i < COMMANDS; i++) {
        (void) fprintf(out, "  %-11s%-24s %s\n", commands[i].name,
                       commands[i].arguments, commands[i].summary);
    }

    (void) fprintf(out, "\n`lmdb-loader COMMAND --help` tells its options."
                   "\n`lmdb-loader --version` tells which one this is."
                   "\nExit status: 0 done, 1 a check failed, 2 usage.\n");
}


int
main(int argc, char **argv)
{
    size_t  i;

    loader_hide(argc, argv);

    if (argc < 2) {
        print_usage(stderr);
        return LOADER_USAGE;
    }

    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0
        || strcmp(argv[1], "help") == 0)
    {
        print_usage(stdout);
        return LOADER_OK;
    }

    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        (void) printf("lmdb-loader %s\n", ONSITE_RELEASE);
        return LOADER_OK;
    }

    for (i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }

    (void) fprintf(stderr, "lmdb-loader: there is no command \"%s\"\n\n",
                   argv[1]);
    print_usage(stderr);

    return LOADER_USAGE;
}
