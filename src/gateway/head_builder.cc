#include "gateway/head_builder.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/give_back.h"
#include "http/forwarded.h"
#include "http/grammar.h"

namespace mew::gateway {

using http::FieldName;
using http::Refusal;
using http::Slice;
namespace cls = http::char_class;

namespace {

constexpr std::optional<Refusal> kGoOn = std::nullopt;
constexpr std::size_t kLongestMethod = 32;
// Variables that are no headers. A web server's own are some 20; each costs the app's environ.
constexpr std::size_t kMostVariables = 256;
// A block that was larger than this is not kept while its connection waits.
constexpr std::size_t kKeptBlock = 8192;
constexpr std::string_view kHeaderPrefix = "HTTP_";

// USER_AGENT to user-agent; 0: no character of a header's variable.
constexpr std::array<char, 256> make_header_map() {
    std::array<char, 256> map{};
    for (int c = 'A'; c <= 'Z'; ++c) map[static_cast<std::size_t>(c)] = static_cast<char>(c | 0x20);
    for (int c = '0'; c <= '9'; ++c) map[static_cast<std::size_t>(c)] = static_cast<char>(c);
    map['_'] = '-';
    return map;
}
constexpr auto kHeaderMap = make_header_map();

// Without dots: keys of Python's side (wsgi.*, uwsgi.*, mewsgi.*) are out of reach.
bool is_variable_name(std::string_view name) {
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return http::has_class(c, cls::kAlnumDash) || c == '_'; });
}

bool is_on(std::string_view value) {
    return value == "1" || http::equals_ignoring_case("on", value) ||
           http::equals_ignoring_case("https", value);
}

}  // namespace

void HeadBuilder::begin(http::RequestHead& head) {
    head_ = &head;
    head.clear();
    if (head.fields().capacity() == 0) {
        // What most requests bring: no growing in steps.
        head.fields().reserve(24);
        head.variables().reserve(16);
    }
    if (block_.capacity() > kKeptBlock) base::give_back(block_);
    block_.clear();
    whole_path_ = Slice{};
    host_at_ = type_at_ = 0;
    has_path_ = has_query_ = has_length_ = false;
}

Step HeadBuilder::add(Slice name_at, Slice value) {
    const std::string_view name = text(name_at);
    if (name.empty()) return Refusal{400, "a variable of the request has no name"};
    if (name.starts_with(kHeaderPrefix)) return add_header(name_at, value);
    bool known = true;
    if (const Step step = add_known(name, name_at, value, known); known) return step;
    return add_other(name_at, value);
}

// By size first: nearly every name that is not known costs one jump.
Step HeadBuilder::add_known(std::string_view name, Slice name_at, Slice value, bool& known) {
    switch (name.size()) {
        case 5:
            if (name == "HTTPS") head_->https = head_->https || is_on(text(value));
            break;
        case 9:
            if (name != "PATH_INFO") break;
            has_path_ = true;
            head_->path_slice = value;
            return kGoOn;
        case 11:
            if (name == "REQUEST_URI") {
                head_->target_slice = value;
                return kGoOn;
            }
            if (name == "SCRIPT_NAME") {
                head_->script_name_slice = value;
                return kGoOn;
            }
            if (name != "REMOTE_ADDR") break;
            if (!http::all_of_class(text(value), cls::kValue)) {
                return Refusal{400, "REMOTE_ADDR holds a control character"};
            }
            head_->client_address_slice = value;
            return kGoOn;
        case 12:
            if (name == "CONTENT_TYPE") return add_content_type(name_at, value);
            if (name == "DOCUMENT_URI") whole_path_ = value;
            if (name != "QUERY_STRING") break;
            if (!http::all_of_class(text(value), cls::kValue)) {
                return Refusal{400, "QUERY_STRING holds a control character"};
            }
            has_query_ = true;
            head_->query_slice = value;
            return kGoOn;
        case 14:
            if (name == "REQUEST_METHOD") return add_method(value);
            if (name == "CONTENT_LENGTH") return add_content_length(name_at, value);
            if (name == "REQUEST_SCHEME") head_->https = head_->https || is_on(text(value));
            break;
        case 15:
            if (name == "SERVER_PROTOCOL") return add_version(text(value));
            break;
        default:
            break;
    }
    known = false;
    return kGoOn;
}

Step HeadBuilder::add_method(Slice value) {
    const std::string_view name = text(value);
    if (!http::is_token(name)) return Refusal{400, "REQUEST_METHOD is not a token"};
    if (name.size() > kLongestMethod) {
        return Refusal{400, "REQUEST_METHOD is longer than 32 bytes"};
    }
    if (head_->method_slice.size != 0 && text(head_->method_slice) != name) {
        return Refusal{400, "two different values of REQUEST_METHOD"};
    }
    head_->method_slice = value;
    return kGoOn;
}

Step HeadBuilder::add_version(std::string_view value) {
    if (value == "HTTP/1.1") {
        head_->version = http::Version::http11;
    } else if (value == "HTTP/1.0") {
        head_->version = http::Version::http10;
    } else if (value == "HTTP/2.0") {
        head_->version = http::Version::http2;
    } else if (value == "HTTP/3.0") {
        head_->version = http::Version::http3;
    } else {
        return Refusal{505, "SERVER_PROTOCOL is none of HTTP/1.0, 1.1, 2.0 and 3.0"};
    }
    return kGoOn;
}

// --- headers

bool HeadBuilder::rewrite_name(Slice name) {
    char* const letters = block_.data() + name.at;
    bool fits = name.size != 0;
    for (std::size_t i = 0; i < name.size; ++i) {
        letters[i] = kHeaderMap[static_cast<unsigned char>(letters[i])];
        fits = fits && letters[i] != '\0';
    }
    return fits;
}

Step HeadBuilder::add_header(Slice name, Slice value) {
    if (!http::all_of_class(text(value), cls::kValue)) {
        return Refusal{400, "a header value holds a control character"};
    }
    const std::string_view trimmed = http::trim_blanks(text(value));
    http::FieldSlices field;
    field.name = name.without_first(kHeaderPrefix.size());
    field.value = {static_cast<std::uint32_t>(trimmed.data() - block_.data()),
                   static_cast<std::uint32_t>(trimmed.size())};
    if (!rewrite_name(field.name)) {
        ++head_->dropped_fields;
        return kGoOn;
    }
    field.id = http::find_field_name(text(field.name));
    switch (field.id) {
        case FieldName::host:
            return add_host(field);
        case FieldName::content_length:
        case FieldName::content_type:
        case FieldName::transfer_encoding:
            // Of the client's message, not of this one: CONTENT_LENGTH and CONTENT_TYPE say what
            // the web server made of it.
            return kGoOn;
        case FieldName::proxy:
            field.cgi = false;
            ++head_->dropped_fields;
            return add_field(field);
        default:
            head_->has_forwarded = head_->has_forwarded || http::is_forwarded_name(field.id);
            return add_field(field);
    }
}

Step HeadBuilder::add_field(const http::FieldSlices& field) {
    if (head_->fields().size() >= limits_.head_fields) {
        return Refusal{431, "the request has more headers than http-max-headers"};
    }
    head_->fields().push_back(field);
    return kGoOn;
}

// A field of which the last one counts.
Step HeadBuilder::add_single(const http::FieldSlices& field, std::size_t& place) {
    if (place != 0) {
        head_->fields()[place - 1] = field;
        return kGoOn;
    }
    if (const Step step = add_field(field)) return step;
    place = head_->fields().size();
    return kGoOn;
}

Step HeadBuilder::add_host(const http::FieldSlices& field) {
    const std::string_view host = text(field.value);
    if (host.empty()) return kGoOn;  // as web servers pass on that there was none
    if (!http::is_valid_authority(host)) return Refusal{400, "HTTP_HOST is not host[:port]"};
    head_->authority_slice = field.value;
    return add_single(field, host_at_);
}

Step HeadBuilder::add_content_length(Slice name, Slice value) {
    if (value.size == 0) return kGoOn;  // as web servers pass on that there is no body
    const auto length = http::parse_length(text(value));
    if (!length) return Refusal{400, "CONTENT_LENGTH is not a number of bytes"};
    if (has_length_) {
        if (*length == head_->content_length) return kGoOn;
        return Refusal{400, "two different values of CONTENT_LENGTH"};
    }
    has_length_ = true;
    head_->content_length = *length;
    rewrite_name(name);
    return add_field({name, value, FieldName::content_length, true});
}

Step HeadBuilder::add_content_type(Slice name, Slice value) {
    if (!http::all_of_class(text(value), cls::kValue)) {
        return Refusal{400, "CONTENT_TYPE holds a control character"};
    }
    if (value.size == 0) return kGoOn;
    rewrite_name(name);
    return add_single({name, value, FieldName::content_type, true}, type_at_);
}

// --- the rest

Step HeadBuilder::add_other(Slice name_at, Slice value) {
    const std::string_view name = text(name_at);
    if (name.starts_with("UWSGI_")) {
        // Variables by which a web server steers uWSGI itself (files to load, folders to change
        // to): not followed, and not shown to the app. The scheme is all that is believed.
        if (name == "UWSGI_SCHEME") {
            head_->https = head_->https || is_on(text(value));
        } else {
            ++head_->dropped_fields;
        }
        return kGoOn;
    }
    if (!is_variable_name(name)) {
        ++head_->dropped_fields;
        return kGoOn;
    }
    if (head_->variables().size() >= kMostVariables) {
        return Refusal{431, "the request has more than 256 variables that are no headers"};
    }
    head_->variables().push_back({name_at, value});
    return kGoOn;
}

}  // namespace mew::gateway
