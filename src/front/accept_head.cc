#include "front/accept_head.h"

#include <algorithm>

#include "http/grammar.h"

namespace mew::front {

using http::FieldName;

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kAccepted = "HTTP/1.1 101";
constexpr std::size_t kMostHeaders = 100;

// Of the upgrade, or of a body that does not follow.
bool belongs_to_upgrade(FieldName id) {
    return id == FieldName::sec_websocket_accept || id == FieldName::content_length;
}

bool is_accepted(std::string_view line) {
    return line.starts_with(kAccepted) &&
           (line.size() == kAccepted.size() || line[kAccepted.size()] == ' ');
}

base::Result<void> add_header(std::string_view line, http::ResponseHead& head) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || head.headers.size() == kMostHeaders)
        return base::fail("its head has a line that is no header, or too many");
    const std::string_view name = line.substr(0, colon);
    const FieldName id = http::find_field_name(name);
    if (!belongs_to_upgrade(id))
        head.headers.push_back({name, http::trim_blanks(line.substr(colon + 1)), id});
    return {};
}

}  // namespace

std::size_t accept_head_size(std::string_view text) {
    const std::size_t end = text.substr(0, kMostAcceptHead).find(kHeadEnd);
    return end == std::string_view::npos ? 0 : end + kHeadEnd.size();
}

base::Result<void> read_accept_head(std::string_view text, http::ResponseHead& head) {
    head.clear();
    text.remove_suffix(kLineEnd.size());
    bool first = true;
    while (!text.empty()) {
        const std::size_t end = text.find(kLineEnd);
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + kLineEnd.size());
        if (!first) {
            if (auto added = add_header(line, head); !added) return added;
        } else if (!is_accepted(line)) {
            return base::fail("it took the connection and did not answer with 101");
        }
        first = false;
    }
    head.status = 200;
    return head.check();
}

}  // namespace mew::front
