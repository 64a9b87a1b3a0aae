/*
 * onsite_release.h - what this version is called: here, and nowhere else.
 * The Makefile reads it, and packaging/debian/changelog is held against it.
 */

#ifndef ONSITE_RELEASE_H
#define ONSITE_RELEASE_H

#define ONSITE_RELEASE  "0.1.0"

#endif
