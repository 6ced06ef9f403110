#include "http/field_name.h"

#include <array>

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
        if (equals_ignoring_case(kTexts[index], name)) return static_cast<FieldName>(index);
    }
}

std::string_view field_text(FieldName name) { return kTexts[static_cast<std::size_t>(name)]; }

}  // namespace mew::http
