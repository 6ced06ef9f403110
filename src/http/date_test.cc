#include "http/date.h"

#include <clocale>
#include <cstdint>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace mew::http {
namespace {

struct Moment {
    std::int64_t seconds;
    std::string_view text;
};

constexpr Moment kMoments[] = {
    {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},  // RFC 9110's own example
    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},          {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
    {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},  {1709251199, "Thu, 29 Feb 2024 23:59:59 GMT"},
    {1709251200, "Fri, 01 Mar 2024 00:00:00 GMT"}, {2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"},
    {4102444799, "Thu, 31 Dec 2099 23:59:59 GMT"}, {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
};

TEST(DateText, is_an_imf_fixdate) {
    for (const Moment& moment : kMoments) {
        EXPECT_EQ(date_text(static_cast<std::time_t>(moment.seconds)), moment.text);
        EXPECT_EQ(date_text(static_cast<std::time_t>(moment.seconds)), moment.text) << "kept";
    }
}

// The first call of a thread, for each moment: nothing may be left over or taken for made.
TEST(DateText, every_thread_makes_its_own) {
    for (const Moment& moment : kMoments) {
        std::string text;
        std::thread([&] { text = date_text(static_cast<std::time_t>(moment.seconds)); }).join();
        EXPECT_EQ(text, moment.text);
    }
}

TEST(DateText, follows_the_clock_backwards_too) {
    EXPECT_EQ(date_text(784111778), "Sun, 06 Nov 1994 08:49:38 GMT");
    EXPECT_EQ(date_text(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(DateText, ignores_the_locale) {
    const std::string before = std::setlocale(LC_ALL, nullptr);
    for (const char* locale : {"de_DE.UTF-8", "C.UTF-8", "fr_FR.UTF-8"}) {
        std::setlocale(LC_ALL, locale);
        EXPECT_EQ(date_text(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
        EXPECT_EQ(date_text(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
    std::setlocale(LC_ALL, before.c_str());
}

TEST(DateText, survives_a_clock_out_of_range) {
    for (const std::int64_t seconds : {INT64_MAX, INT64_MIN, std::int64_t{253402300800}}) {
        const std::string_view text = date_text(static_cast<std::time_t>(seconds));
        EXPECT_GE(text.size(), 29U);
        EXPECT_LT(text.size(), 64U);
        EXPECT_EQ(text.find('\0'), std::string_view::npos);
    }
}

}  // namespace
}  // namespace mew::http
