#include "http/field_name.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "http/grammar.h"

namespace mew::http {
namespace {

std::string upper(std::string_view text) {
    std::string out;
    for (char c : text) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

TEST(FieldName, every_known_name_is_found_in_any_case) {
    for (std::size_t i = 1; i < kFieldNames; ++i) {
        const auto id = static_cast<FieldName>(i);
        const std::string_view text = field_text(id);
        ASSERT_FALSE(text.empty()) << i;
        EXPECT_EQ(find_field_name(text), id) << text;
        EXPECT_EQ(find_field_name(upper(text)), id) << text;
        std::string mixed(text);
        mixed[0] = upper(text)[0];
        mixed.back() = upper(text).back();
        EXPECT_EQ(find_field_name(mixed), id) << mixed;
    }
}

TEST(FieldName, texts_are_lower_case_tokens_and_differ) {
    std::set<std::string_view> seen;
    for (std::size_t i = 1; i < kFieldNames; ++i) {
        const std::string_view text = field_text(static_cast<FieldName>(i));
        EXPECT_TRUE(is_token(text)) << text;
        EXPECT_TRUE(all_of_class(text, char_class::kAlnumDash)) << text << " can be no CGI key";
        for (char c : text) EXPECT_FALSE(c >= 'A' && c <= 'Z') << text;
        EXPECT_TRUE(seen.insert(text).second) << text << " stands twice";
    }
    EXPECT_EQ(field_text(FieldName::unknown), "");
}

TEST(FieldName, near_misses_are_unknown) {
    for (std::size_t i = 1; i < kFieldNames; ++i) {
        const std::string text(field_text(static_cast<FieldName>(i)));
        const std::string longer = text + "x";
        const std::string shorter = text.substr(0, text.size() - 1);
        EXPECT_NE(find_field_name(longer), static_cast<FieldName>(i)) << longer;
        EXPECT_NE(find_field_name(shorter), static_cast<FieldName>(i)) << shorter;
        EXPECT_EQ(find_field_name(text + " "), FieldName::unknown);
        EXPECT_EQ(find_field_name(" " + text), FieldName::unknown);
        EXPECT_EQ(find_field_name(text + '\0'), FieldName::unknown);
        if (const auto dash = text.find('-'); dash != std::string::npos) {
            std::string underscored = text;
            underscored[dash] = '_';
            EXPECT_EQ(find_field_name(underscored), FieldName::unknown) << underscored;
            // 0x0d differs from '-' by the bit that tells upper from lower case.
            underscored[dash] = static_cast<char>('-' & ~0x20);
            EXPECT_EQ(find_field_name(underscored), FieldName::unknown) << text;
        }
    }
}

TEST(FieldName, one_bit_off_is_unknown_but_for_the_case_of_a_letter) {
    for (std::size_t i = 1; i < kFieldNames; ++i) {
        const std::string text(field_text(static_cast<FieldName>(i)));
        for (std::size_t place = 0; place < text.size(); ++place) {
            for (int bit = 0; bit < 8; ++bit) {
                std::string other = text;
                other[place] = static_cast<char>(other[place] ^ (1 << bit));
                const bool same = equals_ignoring_case(text, other);
                EXPECT_EQ(find_field_name(other) == static_cast<FieldName>(i), same) << other;
            }
        }
    }
}

TEST(FieldName, odd_input_is_unknown) {
    EXPECT_EQ(find_field_name(""), FieldName::unknown);
    EXPECT_EQ(find_field_name("x"), FieldName::unknown);
    EXPECT_EQ(find_field_name(std::string(1, '\0')), FieldName::unknown);
    EXPECT_EQ(find_field_name("\xff\xfe"), FieldName::unknown);
    for (const std::size_t size : {31U, 32U, 33U, 100000U}) {
        EXPECT_EQ(find_field_name(std::string(size, 'a')), FieldName::unknown) << size;
    }
}

}  // namespace
}  // namespace mew::http
