/*
 * onsite_crawler.h - user agents that say they are a machine.
 *
 * The patterns are those of the npm package crawler-user-agents, in one
 * automaton (Aho, Corasick 1975, over regular expressions), and the words bot,
 * crawl and spider in any case (a CUBOT is a telephone).  Left out of them are
 * headless Chrome and general HTTP clients (curl, python-requests, okhttp, …):
 * shops test their pages with them, servers and telephones send events, and
 * crawlers that use them name themselves besides; and Amazon CloudFront, which
 * puts its name in place of the visitor's.
 */

#ifndef ONSITE_CRAWLER_H
#define ONSITE_CRAWLER_H

#include "onsite_types.h"

#define ONSITE_CRAWLER_BYTES_MAX  512   /* looked at                        */

bool onsite_crawler(onsite_str_t user_agent);

#endif
