/*
 * fuzz_policy.c - any bytes as a page's policies: another policy never allows
 * what was forbidden, and a nonce that is given is one of theirs.
 *
 * The first byte says what the script's URL is like; lines are policies, and
 * one that begins with 'm' is a meta's.
 */

#include <stdlib.h>

#include "onsite_policy.h"

#define HASH  "sha384-AAAABBBBCCCCDDDD"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
add(onsite_policies_t *policies, onsite_str_t line)
{
    if (line.len != 0 && line.data[0] == 'm') {
        onsite_policies_meta(policies, onsite_str(line.data + 1,
                                                  line.len - 1));

    } else {
        onsite_policies_header(policies, line);
    }
}


static void
check(const onsite_policies_t *policies,
    const onsite_policy_script_t *script, onsite_str_t text,
    bool *forbidden)
{
    onsite_buf_t             out;
    onsite_policy_verdict_t  verdict;

    onsite_policy_judge(policies, script, &verdict);

    if (*forbidden && verdict.why == ONSITE_POLICY_ALLOWED) {
        abort();
    }

    *forbidden = verdict.why != ONSITE_POLICY_ALLOWED;

    if (*forbidden) {
        onsite_buf_init(&out, 1024);
        onsite_policy_explain(&verdict, &out);

        if (verdict.nonce.len != 0 || out.failed) {
            abort();
        }

        onsite_buf_free(&out);
    }

    if (verdict.nonce.len != 0
        && memmem(text.data, text.len, verdict.nonce.data, verdict.nonce.len)
           == NULL)
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool                    forbidden = false;
    size_t                  n;
    onsite_str_t            text, rest;
    onsite_policies_t       policies;
    onsite_policy_script_t  script = { .host = ONSITE_STR("a.b.example"),
                                       .path = ONSITE_STR("/onsite/x%20.js") };

    if (size == 0) {
        return 0;
    }

    script.secure = data[0] & 1;
    script.port = data[0] & 2 ? 8443 : 0;
    script.integrity = data[0] & 4 ? ONSITE_STR(HASH) : onsite_str(NULL, 0);

    text = onsite_str((const char *) data + 1, size - 1);
    onsite_policies_init(&policies);

    for (rest = text; rest.len != 0; rest = onsite_str(rest.data + n,
                                                       rest.len - n))
    {
        for (n = 0; n < rest.len && rest.data[n] != '\n'; n++) {
            /* void */
        }

        add(&policies, onsite_str(rest.data, n));
        check(&policies, &script, text, &forbidden);
        n += n < rest.len;
    }

    return 0;
}
