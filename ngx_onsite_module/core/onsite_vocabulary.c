/*
 * onsite_vocabulary.c - the table of names, and a perfect hash over it.
 *
 * The event names are those of Segment's Spec (E-Commerce V2, Mobile, Video,
 * B2B SaaS, Live Chat, Email), our own, and what other shops commonly send.
 *
 * To append a name: add it to names, run test_vocabulary, and put the slots it
 * prints in place of the old ones.  If it says that two names share a slot,
 * choose another odd MULTIPLIER.
 */

#include "onsite_vocabulary.h"

#define MULTIPLIER  0x3fda20fdu
#define SLOT_BITS   9
#define MIN_LENGTH  4           /* the hash reads 4 bytes at a time        */

#define NAME(literal)  { sizeof(literal) - 1, literal }


static const onsite_str_t  names[] = {
    { 0, NULL },
    NAME("Page Viewed"),
    NAME("Screen Viewed"),
    NAME("Identify"),
    NAME("Group"),
    NAME("Alias"),
    NAME("Promotion Viewed"),
    NAME("Promotion Clicked"),
    NAME("Promotion Dismissed"),
    NAME("Products Searched"),
    NAME("Product List Viewed"),
    NAME("Product List Filtered"),
    NAME("Product Clicked"),
    NAME("Product Viewed"),
    NAME("Product Added"),
    NAME("Product Removed"),
    NAME("Cart Viewed"),
    NAME("Cart Cleared"),
    NAME("Checkout Started"),
    NAME("Checkout Step Viewed"),
    NAME("Checkout Step Completed"),
    NAME("Payment Info Entered"),
    NAME("Order Completed"),
    NAME("Order Updated"),
    NAME("Order Refunded"),
    NAME("Order Cancelled"),
    NAME("Coupon Entered"),
    NAME("Coupon Applied"),
    NAME("Coupon Denied"),
    NAME("Coupon Removed"),
    NAME("Product Added to Wishlist"),
    NAME("Product Removed from Wishlist"),
    NAME("Wishlist Product Added to Cart"),
    NAME("Product Shared"),
    NAME("Cart Shared"),
    NAME("Product Reviewed"),
    NAME("Signed Up"),
    NAME("Signed In"),
    NAME("Signed Out"),
    NAME("Login"),
    NAME("Logout"),
    NAME("Account Created"),
    NAME("Account Deleted"),
    NAME("Application Installed"),
    NAME("Application Opened"),
    NAME("Application Updated"),
    NAME("Application Backgrounded"),
    NAME("Application Crashed"),
    NAME("Application Uninstalled"),
    NAME("Push Notification Received"),
    NAME("Push Notification Tapped"),
    NAME("Push Notification Bounced"),
    NAME("Install Attributed"),
    NAME("Deep Link Opened"),
    NAME("Deep Link Clicked"),
    NAME("Email Delivered"),
    NAME("Email Opened"),
    NAME("Email Link Clicked"),
    NAME("Email Bounced"),
    NAME("Email Marked as Spam"),
    NAME("Unsubscribed"),
    NAME("Live Chat Conversation Started"),
    NAME("Live Chat Conversation Ended"),
    NAME("Live Chat Message Sent"),
    NAME("Live Chat Message Received"),
    NAME("Video Playback Started"),
    NAME("Video Playback Paused"),
    NAME("Video Playback Resumed"),
    NAME("Video Playback Completed"),
    NAME("Video Content Started"),
    NAME("Video Content Completed"),
    NAME("Form Viewed"),
    NAME("Form Started"),
    NAME("Form Submitted"),
    NAME("Newsletter Subscribed"),
    NAME("Lead Captured"),
    NAME("Lead Generated"),
    NAME("Trial Started"),
    NAME("Trial Ended"),
    NAME("Subscription Started"),
    NAME("Subscription Renewed"),
    NAME("Subscription Cancelled"),
    NAME("Invoice Paid"),
    NAME("Experiment Viewed"),
    NAME("Article Viewed"),
    NAME("Article Completed"),
    NAME("Search Performed"),
    NAME("Search Result Clicked"),
    NAME("Filter Applied"),
    NAME("Link Clicked"),
    NAME("Button Clicked"),
    NAME("File Downloaded"),
    NAME("Scroll Depth Reached"),
    NAME("Element Viewed"),
    NAME("Chat Joined"),
    NAME("Game Started"),
    NAME("Game Ended"),
    NAME("Level Completed"),
    NAME("Account Added User"),
    NAME("Account Removed User"),
    NAME("Error Shown"),
};

#define N_NAMES  (sizeof(names) / sizeof(names[0]))


/* Ids by slot. */

static const uint8_t  slots[ONSITE_VOCABULARY_SLOTS] = {
      0,   0,   0,  56,  33,   0,   0,   0,   0,   0,   2,  21,
      0,   0,   0,   0,   0,   0,  66,   0,   0,   7,   0,   0,
      0,   0,   0,   0,   0,  59,  16,   0,   0,   0,  34,   0,
      0,  15,   0,   0,  51,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,  95,   0,   0,   0,   0,   0,   0,  94,
      0,  58,   0,   0,   0,   0,   0,   0,   0,   0,  60,   0,
      0,  86,   0,   4,   0,  72,  27,   0,  17,   0,   0,   0,
      0,   0,   0,   0,  14,   0,   0,  48,   0,   0,  50,   0,
      0,   0,   0,   0,   0,   0,   0,   0,   1,   0,   0,  40,
      0,  24,  88,  39,   0,   0,  99,   0,   0,   0,  36,   0,
      0,   0,   0,  10,   8,   0,  93,   0,   0,  52,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
     98,   0,  70,   0,  43,  20,   0,   0,   0,  44,   0,   0,
      3,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,  49,   0,  54,  74,
      0,  77,   0,   0,   0,   0,   0,   0,   0,  78,   0,   0,
      0,   0,   0,   0,   0,  46,   0,  64,   0,   0,   0,   0,
      0,  55,  91,  83,   0,   0,   0,  85,   0,   0,   0,   0,
     68,   0,  81,   0,   0,   0,   0,   0,   0,   0, 100,   0,
      0,   0,  92,   0,   0,  65,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,  12,  30,   0,   0,  73,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,   0,   0,  29,   0,
      0,   0,   0,   0,   0,   0,   0,   0,  71,  84,   0,   0,
      0,   0,   0,   0,  23,  96,   0,   0,  69,   0,  22,   0,
      0,   0,   0,   0,   0,   0,   0,   0,   0,  67,   0,  19,
      0,   0,   0,   0,   0,   0,   0,   0,  82,   0,   0,   0,
      0,  75,  57,   0,   0,   0,   0,   0,   0,  79,  31,   0,
     38,  90,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
      0,  11,   0,   0,   0,   0,   0,  32,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,  97,  61,   0,   0,  35,   0,   0,   0,   0,   0,
      0,  47,   0,   0,   0,  41,   0,   0,   0,   0,  26,   0,
      0,   0,   0,   0,  18,   0,   0,   0,   0,   0,  63,   0,
      0,   0,   0,   9,   0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,  89,   0,  53,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,  25,
      0,   0,  37,   0,  45,   0,   0,   0,   0,   0,   0,   0,
     80,   0,   0,   0,   0,  13,   0,   0,   0,   0,   0,   0,
      0,   5,   0,   0,   0,   0,   0,  62,  87,   0,   0,   0,
      0,  42,  76,   0,   0,   0,   0,   0,   0,   0,  28,   0,
      0,   0,   0,   0,   0,   0,   6,   0,
};


static uint32_t
four_bytes(const char *p)
{
    const unsigned char  *u = (const unsigned char *) p;

    return (uint32_t) u[0] | (uint32_t) u[1] << 8 | (uint32_t) u[2] << 16
           | (uint32_t) u[3] << 24;
}


static uint32_t
rotate(uint32_t x, int bits)
{
    return x << bits | x >> (32 - bits);
}


uint32_t
onsite_vocabulary_slot(onsite_str_t name)
{
    uint32_t  first, middle, last, length, mixed;

    length = (uint32_t) name.len;
    first = four_bytes(name.data);
    middle = four_bytes(name.data + (name.len - 4) / 2);
    last = four_bytes(name.data + name.len - 4);

    mixed = (first ^ rotate(last, 9) ^ rotate(middle, 18))
            + length * 0x9e3779b1u;

    return mixed * MULTIPLIER >> (32 - SLOT_BITS);
}


uint8_t
onsite_vocabulary_id(onsite_str_t name)
{
    uint8_t  id;

    if (name.len < MIN_LENGTH) {
        return 0;
    }

    id = slots[onsite_vocabulary_slot(name)];

    return id != 0 && onsite_str_eq(names[id], name) ? id : 0;
}


onsite_str_t
onsite_vocabulary_name(uint8_t id)
{
    return id < N_NAMES ? names[id] : names[0];
}
