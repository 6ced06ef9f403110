#include "http/status.h"

#include <gtest/gtest.h>

#include "http/grammar.h"

namespace mew::http {
namespace {

TEST(ReasonPhrase, is_the_registered_one) {
    struct Row {
        int status;
        std::string_view phrase;
    };
    constexpr Row kRows[] = {{100, "Continue"},
                             {101, "Switching Protocols"},
                             {200, "OK"},
                             {204, "No Content"},
                             {226, "IM Used"},
                             {304, "Not Modified"},
                             {308, "Permanent Redirect"},
                             {400, "Bad Request"},
                             {408, "Request Timeout"},
                             {413, "Content Too Large"},
                             {414, "URI Too Long"},
                             {417, "Expectation Failed"},
                             {431, "Request Header Fields Too Large"},
                             {500, "Internal Server Error"},
                             {501, "Not Implemented"},
                             {505, "HTTP Version Not Supported"},
                             {511, "Network Authentication Required"}};
    for (const Row& row : kRows) EXPECT_EQ(reason_phrase(row.status), row.phrase) << row.status;
}

TEST(ReasonPhrase, is_empty_for_other_codes) {
    for (const int status : {-1, 0, 99, 199, 306, 430, 499, 512, 599, 600, 999, 1000}) {
        EXPECT_EQ(reason_phrase(status), "") << status;
    }
}

// Would fail if a row were out of order: the search is by halves.
TEST(ReasonPhrase, finds_every_row) {
    int found = 0;
    for (int status = 0; status < 1000; ++status) {
        const std::string_view phrase = reason_phrase(status);
        if (phrase.empty()) continue;
        ++found;
        EXPECT_GE(status, 100);
        EXPECT_TRUE(all_of_class(phrase, char_class::kValue)) << status;
    }
    EXPECT_EQ(found, 61);
}

TEST(StatusHasBody, r30_not_for_1xx_204_and_304) {
    for (const int status : {100, 101, 103, 199, 204, 304}) {
        EXPECT_FALSE(status_has_body(status)) << status;
    }
    for (const int status : {200, 201, 205, 206, 300, 303, 305, 400, 404, 500, 599, 999}) {
        EXPECT_TRUE(status_has_body(status)) << status;
    }
}

}  // namespace
}  // namespace mew::http
