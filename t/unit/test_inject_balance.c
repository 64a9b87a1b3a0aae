/*
 * HTML that is whole, and HTML that would change the page around it.
 */

#include "unit.h"
#include "onsite_inject_balance.h"

#include <stdlib.h>


static void
check(onsite_balance_t *balance, const char *html)
{
    size_t            i, len = strlen(html);
    onsite_slice_t    slice;
    onsite_inject_t  *scan = malloc(onsite_inject_size());

    assert_non_null(scan);
    onsite_inject_init(scan, 0);
    onsite_balance_init(balance, onsite_str(html, len));

    for (i = 0; i < len; i++) {
        onsite_balance_before(balance, scan, i);
        onsite_inject_feed(scan, onsite_str(html + i, 1), false);

        while (onsite_inject_next(scan, &slice)) {
            /* void */
        }

        onsite_balance_after(balance, scan, i);
    }

    onsite_balance_end(balance);
    free(scan);
}


static void
test_whole(void **state)
{
    size_t            i;
    onsite_balance_t  balance;

    static const char *const  html[] = {
        "", "text", "a < b", "<p>a</p>", "<P>a</p >", "<div><p>a<p>b</div>",
        "<img src=a><br><br/><input><hr>", "<b><i>x</i></b>",
        "<a href='x'>a</a><a>b</a>", "<ul><li>a<li>b</ul>",
        "<ul><li>a<ul><li>b</ul><li>c</ul>", "<li>a<p>b</li><li>c</li>",
        "<dl><dt>a<dd>b<dt>c</dl>", "<p>a<ul><li>b</ul>", "<h2>a</h2>",
        "<table><tr><td>a<td>b<tr><th>c</table>",
        "<table><caption>a</caption><colgroup><col><col></colgroup><thead>"
        "<tr><th><b>a</b></th></tr></thead><tbody><tr><td><p>a</td></tr>"
        "</tbody></table>",
        "<table><tr><td><table><tr><td>a</table></table>",
        "<table><caption>a<colgroup><col><tbody><tr><td>a</table>",
        "<select><option>a<option>b<optgroup><option>c<optgroup></select>",
        "<select><option>a</option><hr><option>b</option></select>",
        "<datalist><option>a<option>b</datalist>",
        "<ruby>a<rp>(<rt>b<rp>)</ruby>", "<ruby>a<rb>b<rtc>c<rt>d<rt>e<rtc>f"
        "</ruby>",
        "<form><p><input><button>a</button></form>",
        "<svg viewBox='0 0 1 1'><g><path d=''/></g><path/></svg>", "<svg/>",
        "<svg><a><text>x</text></a></svg><math><mi>x</mi></math>",
        "<svg><foreignObject><div><p>x</p></div></foreignObject></svg>",
        "<math><mi><b>x</b></mi></math>", "<svg><title>x</title></svg>",
        "<template><table><tr><td>x</td></tr></table></template>",
        "<script>'</div>'</script><style>a{}</style ><textarea></div>"
        "</textarea>", "<!-- </div> --><p title='</p><div>' a=\"<b>\">x</p>",
        "<my-element><span>x</span></my-element>", "<iframe></div></iframe>",
        "<object><p>x</object>", "<button><p>x</button>", "<image>",
        "<blockquote><p>x</blockquote><a><object><a>x</a></object></a>"
    };

    (void) state;

    for (i = 0; i < sizeof(html) / sizeof(html[0]); i++) {
        check(&balance, html[i]);

        if (balance.refused) {
            fail_msg("%s: %zu: %s", html[i], balance.at, balance.reason);
        }
    }
}


static const struct {
    const char  *html;
    size_t       at;
    const char  *reason;
} refused[] = {
    { "a</div>", 1, "</div> closes nothing" },
    { "<p>a</p></div><b>", 8, "</div> closes nothing" },
    { "<div/>", 0, "<div> is not closed" },
    { "x<DIV a='>'>", 1, "<DIV> is not closed" },
    { "<p>a", 0, "<p> is not closed" },
    { "</p>", 0, "</p> closes nothing" },
    { "</br>", 0, "</br> closes nothing" },
    { "</script>", 0, "</script> closes nothing" },
    { "<b><i>x</b></i>", 7, "</b> where </i> is expected" },
    { "<div><b>x</div></b>", 9, "</div> where </b> is expected" },
    { "<span><p>x</span>", 10, "</span> where </p> is expected" },
    { "<p><div>x</div></p>", 15, "</p> closes nothing" },
    { "<p><b><div>", 6, "<div> would end <p> in the midst of <b>" },
    { "<p><table></table>", 3, "<table> cannot stand in <p>" },
    { "<a>x<a>y</a></a>", 4, "<a> cannot stand in <a>" },
    { "<a><b><a>", 6, "<a> would end <a> in the midst of <b>" },
    { "<a>x", 0, "<a> is not closed" },
    { "<form><form></form></form>", 6, "<form> cannot stand in <form>" },
    { "<form>", 0, "<form> is not closed" },
    { "</form>", 0, "</form> closes nothing" },
    { "<button><button></button></button>", 8, "<button> cannot stand" },
    { "<h1><h2></h2></h1>", 4, "<h2> cannot stand in <h1>" },
    { "<h1>x</h2>", 5, "</h2> closes nothing" },
    { "<li><div><li></li></div></li>", 9, "<li> would end <li>" },
    { "<tr><td>x</td></tr>", 0, "<tr> stands in no table" },
    { "<td>", 0, "<td> stands in no table" },
    { "<table><tr><td><template><td>", 25, "<td> stands in no table" },
    { "<col>", 0, "<col> stands in no table" },
    { "</table>", 0, "</table> closes nothing" },
    { "<table><div></div></table>", 7, "<div> cannot stand directly" },
    { "<table><table></table></table>", 7, "<table> cannot stand" },
    { "<table><tr><td><b>x</table>", 19, "</table> where </b>" },
    { "<table><tr><td><div><td></div></table>", 20, "<td> would end" },
    { "<rb><rt></rt>", 0, "<rb> is not closed" },
    { "<optgroup><optgroup></optgroup>", 0, "<optgroup> is not closed" },
    { "<select>", 0, "<select> is not closed" },
    { "<select><div></div></select>", 8, "<div> cannot stand directly" },
    { "<select><option><select>", 16, "<select> cannot stand directly" },
    { "<body class=x>", 0, "<body> is the page's own" },
    { "<html>", 0, "<html> is the page's own" },
    { "<head></head>", 0, "<head> is the page's own" },
    { "</body>", 0, "</body> closes nothing" },
    { "<frameset>", 0, "<frameset> is the page's own" },
    { "<plaintext>", 0, "<plaintext> swallows" },
    { "<noscript><p></noscript>", 0, "<noscript> is read" },
    { "<svg><p>x</p></svg>", 5, "<p> is none of SVG's" },
    { "<svg><g></svg>", 8, "</svg> where </g> is expected" },
    { "<svg></p></svg>", 5, "</p> closes nothing" },
    { "<svg><desc></div></desc></svg>", 11, "</div> closes nothing" },
    { "<svg>", 0, "<svg> is not closed" },
    { "<template><div></template>", 15, "</template> where </div>" },
    { "<template></div></template>", 10, "</div> closes nothing" }
};


static void
test_refused(void **state)
{
    size_t            i;
    onsite_balance_t  balance;

    (void) state;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        check(&balance, refused[i].html);

        if (!balance.refused || balance.at != refused[i].at
            || strncmp(balance.reason, refused[i].reason,
                       strlen(refused[i].reason)) != 0)
        {
            fail_msg("%s: %d %zu: %s", refused[i].html, balance.refused,
                     balance.at, balance.reason);
        }
    }
}


static void
nest(char *html, unsigned n)
{
    unsigned  i;

    *html = '\0';

    for (i = 0; i < n; i++) {
        memcpy(html + i * 3, "<b>", 3);
        memcpy(html + n * 3 + i * 4, "</b>", 4);
    }

    html[n * 7] = '\0';
}


static void
test_depth(void **state)
{
    char              html[8 * (ONSITE_BALANCE_DEPTH + 1)];
    onsite_balance_t  balance;

    (void) state;

    nest(html, ONSITE_BALANCE_DEPTH);
    check(&balance, html);
    assert_false(balance.refused);

    nest(html, ONSITE_BALANCE_DEPTH + 1);
    check(&balance, html);
    assert_true(balance.refused);
    assert_int_equal(balance.at, 3 * ONSITE_BALANCE_DEPTH);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
