// The last step of gateway/head_builder.h: all variables are known; which is the path, what of it
// the app was mounted at, and what was asked for.

#include <algorithm>

#include "gateway/head_builder.h"
#include "http/grammar.h"

namespace mew::gateway {

using http::Refusal;
using http::Slice;
namespace cls = http::char_class;

namespace {

constexpr std::optional<Refusal> kGoOn = std::nullopt;

bool is_prefix_of_path(std::string_view prefix, std::string_view path) {
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

// What stands in a path as it is: unreserved, sub-delims, ':', '@', '/' (RFC 3986 3.3).
bool is_path_char(char c) {
    return (http::has_class(c, cls::kRegName) && c != '%') || c == ':' || c == '@' || c == '/';
}

bool is_query_char(char c) { return http::has_class(c, cls::kTarget); }

void percent_encode(std::string_view text, bool (*stays)(char), std::string& out) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    for (const char c : text) {
        if (stays(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
    }
}

}  // namespace

Step HeadBuilder::finish(bool strip_script_name) {
    if (head_->method_slice.size == 0) return Refusal{400, "the request has no REQUEST_METHOD"};
    if (text(head_->method_slice) == "CONNECT") return Refusal{501, "CONNECT is not served"};
    if (head_->target_slice.size != 0) {
        if (const Step step = check_target()) return step;
    }
    find_path(strip_script_name);
    if (head_->target_slice.size == 0) make_target();
    head_->set_block(block_.data(), block_.size());
    if (head_->content_length > 0) head_->framing = http::BodyFraming::length;
    if (limits_.body_bytes != 0 && head_->content_length > limits_.body_bytes) {
        return Refusal{413, "the body is larger than limit-post"};
    }
    return kGoOn;
}

Step HeadBuilder::check_target() const {
    const std::string_view target = text(head_->target_slice);
    if (!http::all_of_class(target, cls::kTarget)) {
        return Refusal{400, "REQUEST_URI holds a byte that is not printable ASCII"};
    }
    if (target.front() == '/' || target.find("://") != std::string_view::npos) return kGoOn;
    if (target == "*" && text(head_->method_slice) == "OPTIONS") return kGoOn;
    return Refusal{400, "REQUEST_URI is neither a path nor a URI"};
}

void HeadBuilder::find_path(bool strip_script_name) {
    if (head_->target_slice.size != 0 && !(has_path_ && has_query_)) split_target();
    if (!has_path_ && whole_path_.size != 0) head_->path_slice = whole_path_;
    // Only SCRIPT_NAME, or nothing.
    if (head_->path_slice.size == 0 && !has_path_) head_->path_slice = head_->script_name_slice;
    head_->path_decoded = has_path_ || whole_path_.size != 0 || head_->target_slice.size == 0;

    const std::string_view script = text(head_->script_name_slice);
    const std::string_view path = text(head_->path_slice);
    if (script.empty() || (has_path_ && !strip_script_name)) return;
    const bool inside = is_prefix_of_path(script, path);
    // Parameters made for scripts in files, as web servers ship them for FastCGI, name the whole
    // path SCRIPT_NAME and know no PATH_INFO. For an app all of that is path.
    if (!has_path_ && (!inside || path == script)) {
        head_->script_name_slice = Slice{};
    } else if (inside) {
        head_->path_slice = head_->path_slice.without_first(script.size());
    }
}

// Path and query of REQUEST_URI, where the variables for them were not given.
void HeadBuilder::split_target() {
    Slice rest = head_->target_slice;
    if (text(rest).front() != '/') {
        const std::size_t colon = text(rest).find("://");
        if (colon != std::string_view::npos) {
            rest = rest.without_first(
                std::min<std::size_t>(text(rest).find_first_of("/?", colon + 3), rest.size));
        }
    }
    const std::size_t mark = std::min<std::size_t>(text(rest).find('?'), rest.size);
    if (!has_query_ && mark < rest.size) head_->query_slice = rest.without_first(mark + 1);
    if (!has_path_) head_->path_slice = {rest.at, static_cast<std::uint32_t>(mark)};
}

void HeadBuilder::make_target() {
    std::string target;
    percent_encode(text(head_->script_name_slice), is_path_char, target);
    percent_encode(text(head_->path_slice), is_path_char, target);
    if (target.empty()) target = "/";
    if (head_->query_slice.size != 0) {
        target += '?';
        percent_encode(text(head_->query_slice), is_query_char, target);
    }
    head_->target_slice = {static_cast<std::uint32_t>(block_.size()),
                           static_cast<std::uint32_t>(target.size())};
    block_ += target;
}

}  // namespace mew::gateway
