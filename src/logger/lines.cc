#include "logger/lines.h"

#include <algorithm>
#include <cstdint>

namespace mew::logger {
namespace {

bool continues_character(char c) { return (static_cast<std::uint8_t>(c) & 0xc0) == 0x80; }

// Where to cut `text` so that no UTF-8 sequence is torn; what is no UTF-8 is cut at the end.
std::size_t cut_place(std::string_view text) {
    std::size_t end = text.size();
    for (int back = 0; back < 4 && end > 1; ++back) {
        const char last = text[--end];
        if (continues_character(last)) continue;
        const bool leads = (static_cast<std::uint8_t>(last) & 0xc0) == 0xc0;
        return leads ? end : text.size();
    }
    return text.size();
}

}  // namespace

void Lines::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        add(bytes.substr(0, end));
        if (end == std::string_view::npos) return;
        sink_(begun_, false);
        begun_.clear();
        bytes.remove_prefix(end + 1);
    }
}

void Lines::add(std::string_view part) {
    for (;;) {
        const std::size_t room = std::min(kMostLine - begun_.size(), part.size());
        begun_.append(part.substr(0, room));
        part.remove_prefix(room);
        if (part.empty()) return;
        const std::size_t cut = cut_place(begun_);
        sink_(std::string_view(begun_).substr(0, cut), true);
        begun_.erase(0, cut);
    }
}

void Lines::finish() {
    if (!begun_.empty()) sink_(begun_, false);
    begun_.clear();
}

}  // namespace mew::logger
