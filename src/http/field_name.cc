#include "http/field_name.h"

#include <array>

#include "http/byte_word.h"
#include "http/grammar.h"

namespace mew::http {

namespace {

// clang-format off
constexpr std::array<std::string_view, kFieldNames> kTexts = {
    std::string_view{},
#define MEW_X(id, text) std::string_view{text},
    MEW_FIELD_NAMES(MEW_X)
#undef MEW_X
};
// clang-format on

constexpr bool are_letters_digits_and_dashes() {
    for (const std::string_view text : kTexts) {
        for (const char c : text) {
            if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') return false;
        }
    }
    return true;
}
// In such text 0x40 tells a letter, and in a letter 0x20 tells its case.
static_assert(are_letters_digits_and_dashes(), "equals_known() needs it");

template <typename Word>
bool equal_words(const char* known, const char* name) {
    constexpr auto kLetters = static_cast<Word>(byte_word::kOnes * 0x40);
    const Word lower = byte_word::load<Word>(known);
    return (byte_word::load<Word>(name) | ((lower & kLetters) >> 1)) == lower;
}

// In words that overlap where the size asks for it.
template <typename Word>
bool equal_in_words(std::string_view known, std::string_view name) {
    const std::size_t last = name.size() - sizeof(Word);
    for (std::size_t at = 0; at < last; at += sizeof(Word)) {
        if (!equal_words<Word>(&known[at], &name[at])) return false;
    }
    return equal_words<Word>(&known[last], &name[last]);
}

bool equals_known(std::string_view known, std::string_view name) {
    if (known.size() != name.size()) return false;
    const std::size_t size = name.size();
    if (size >= 8) return equal_in_words<std::uint64_t>(known, name);
    if (size >= 4) return equal_in_words<std::uint32_t>(known, name);
    return equals_ignoring_case(known, name);
}

constexpr std::size_t kTableSize = 1024;  // eight per name: nearly every look-up ends at once
constexpr std::size_t kLongest = 32;

// Length and three letters tell nearly all names apart; the rest is linear probing.
constexpr std::size_t slot_of(std::string_view name) {
    const auto at = [&](std::size_t i) {
        return static_cast<std::size_t>(static_cast<unsigned char>(name[i]) | 0x20U);
    };
    return (name.size() * 131 + at(0) * 7 + at(name.size() / 2) * 61 + at(name.size() - 1) * 257) %
           kTableSize;
}

constexpr std::array<std::uint16_t, kTableSize> make_table() {
    std::array<std::uint16_t, kTableSize> table{};
    for (std::size_t i = 1; i < kFieldNames; ++i) {
        std::size_t slot = slot_of(kTexts[i]);
        while (table[slot] != 0) slot = (slot + 1) % kTableSize;
        table[slot] = static_cast<std::uint16_t>(i);
    }
    return table;
}

constexpr auto kTable = make_table();

}  // namespace

FieldName find_field_name(std::string_view name) {
    if (name.empty() || name.size() > kLongest) return FieldName::unknown;
    for (std::size_t slot = slot_of(name);; slot = (slot + 1) % kTableSize) {
        const std::uint16_t index = kTable[slot];
        if (index == 0) return FieldName::unknown;
        if (equals_known(kTexts[index], name)) return static_cast<FieldName>(index);
    }
}

std::string_view field_text(FieldName name) { return kTexts[static_cast<std::size_t>(name)]; }

}  // namespace mew::http
