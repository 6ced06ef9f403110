#include "http2/head_reader.h"

#include <sys/random.h>

#include <array>
#include <utility>

#include "base/give_back.h"
#include "http/forwarded.h"
#include "http/grammar.h"

namespace mew::http2 {

using http::FieldName;
using http::Refusal;
namespace cls = http::char_class;

namespace {

constexpr std::optional<Refusal> kGoOn = std::nullopt;
constexpr std::size_t kLongestMethod = 32;
constexpr std::uint64_t kFieldCost = 32;
// What goes so many times beyond its limit was not meant to be a request.
constexpr std::uint64_t kFlood = 8;
// A block that was larger than this is not kept while its connection waits.
constexpr std::size_t kKeptBlock = 8192;

// Base64 of 16 bytes of chance (RFC 6455 4.1), of which nothing depends on being secret.
std::string made_key() {
    static constexpr char kLetters[] =
        "AQgwBCDEFGHIJKLMNOPRSTUVWXYZabcdefhijklmnopqrstuvxyz0123456789+/";
    constexpr std::size_t kFull = 21;  // of 6 bits each; the last has 2
    std::array<unsigned char, kFull + 1> chance{};
    (void)::getrandom(chance.data(), chance.size(), 0);
    std::string key;
    for (std::size_t i = 0; i < kFull; ++i) key += kLetters[chance[i] % 64];
    key += kLetters[chance[kFull] % 4];
    return key + "==";
}

}  // namespace

void HeadReader::begin() {
    if (block_.capacity() > kKeptBlock) base::give_back(block_);
    block_.clear();
    fields_.clear();
    method_ = scheme_ = path_ = authority_ = protocol_ = {};
    cookies_.clear();
    bytes_ = count_ = 0;
    has_authority_ = has_protocol_ = too_large_ = has_length_ = has_type_ = has_host_ = false;
}

http::Slice HeadReader::put(std::string_view text) {
    const http::Slice at{static_cast<std::uint32_t>(block_.size()),
                         static_cast<std::uint32_t>(text.size())};
    block_.append(text);
    return at;
}

bool HeadReader::add(std::string_view name, std::string_view value) {
    bytes_ += name.size() + value.size() + kFieldCost;
    if (!name.starts_with(':')) ++count_;
    if (bytes_ > limits_.head_bytes || count_ > limits_.head_fields) {
        too_large_ = true;
        return bytes_ <= kFlood * limits_.head_bytes && count_ <= kFlood * limits_.head_fields;
    }
    if (name.starts_with(':')) {
        add_pseudo(name, value);
        return true;
    }
    const FieldName id = http::find_field_name(name);
    if (id == FieldName::cookie) {  // RFC 9113 8.2.3
        if (!cookies_.empty()) cookies_.append("; ");
        cookies_.append(value);
        return true;
    }
    const http::Slice at = put(name);
    fields_.push_back({at, put(value), id});
    return true;
}

void HeadReader::add_pseudo(std::string_view name, std::string_view value) {
    if (name == ":method") method_ = put(value);
    if (name == ":scheme") scheme_ = put(value);
    if (name == ":path") path_ = put(value);
    if (name == ":protocol") {
        has_protocol_ = true;
        protocol_ = put(value);
    }
    if (name != ":authority") return;
    has_authority_ = true;
    authority_ = put(value);
}

std::optional<Refusal> HeadReader::finish(http::RequestHead& head, bool ends) {
    head.clear();
    if (too_large_)
        return Refusal{431,
                       "the request head is larger than buffer-size or http-max-headers allow"};
    head.version = http::Version::http2;
    if (Step step = check_pseudo(head)) return step;
    if (Step step = take_authority(head)) return step;
    for (const Field& field : fields_) {
        if (Step step = take_field(field, head)) return step;
    }
    if (head.authority_slice.size == 0)
        return Refusal{400, "a request with neither :authority nor Host"};
    if (!http::is_field_value(cookies_))
        return Refusal{400, "a header value holds a control character"};
    add_cookies(head);
    if (head.connects) {
        if (has_length_) return Refusal{400, "a CONNECT with a Content-Length"};
        head.expects_continue = false;
        add_upgrade(head);
    } else if (!ends) {
        head.framing = has_length_ && head.content_length != 0 ? http::BodyFraming::length
                                                               : http::BodyFraming::chunked;
    }
    if (limits_.body_bytes != 0 && head.content_length > limits_.body_bytes)
        return Refusal{413, "the body is larger than limit-post"};
    if (ends) head.expects_continue = false;
    head.set_block(block_.data(), block_.size());
    return kGoOn;
}

HeadReader::Step HeadReader::check_pseudo(http::RequestHead& head) {
    const std::string_view method = text(method_);
    if (!http::is_token(method)) return Refusal{400, "the method is not a token"};
    if (method.size() > kLongestMethod) return Refusal{400, "the method is longer than 32 bytes"};
    if (Step step = check_connect(head)) return step;
    head.method_slice = head.connects ? put("GET") : method_;
    const std::string_view scheme = text(scheme_);
    if (scheme != "http" && scheme != "https")
        return Refusal{400, "the :scheme is neither http nor https"};
    return check_target(head);
}

// RFC 8441 4 and 5.
HeadReader::Step HeadReader::check_connect(http::RequestHead& head) const {
    if (text(method_) != "CONNECT") {
        if (has_protocol_) return Refusal{400, ":protocol belongs to CONNECT"};
        return kGoOn;
    }
    if (!has_protocol_) return Refusal{501, "CONNECT is not served"};
    if (!http::equals_ignoring_case("websocket", text(protocol_)))
        return Refusal{501, "the only :protocol that is served is websocket"};
    head.connects = true;
    return kGoOn;
}

HeadReader::Step HeadReader::check_target(http::RequestHead& head) {
    const std::string_view path = text(path_);
    if (path.empty()) return Refusal{400, "the :path is empty"};
    if (!http::is_target_text(path))
        return Refusal{400, "the :path holds a byte that is not printable ASCII"};
    head.target_slice = path_;
    if (path == "*" && text(method_) == "OPTIONS") {
        head.server_wide = true;
        return kGoOn;
    }
    if (path.front() != '/') return Refusal{400, "the :path does not begin with a slash"};
    head.path_slice = path_;
    const std::size_t mark = path.find('?');
    if (mark == std::string_view::npos) return kGoOn;
    head.path_slice.size = static_cast<std::uint32_t>(mark);
    head.query_slice = path_.without_first(mark + 1);
    return kGoOn;
}

// Apps find it where HTTP/1.1 has it.
HeadReader::Step HeadReader::take_authority(http::RequestHead& head) {
    if (!has_authority_) return kGoOn;
    if (!http::is_valid_authority(text(authority_)))
        return Refusal{400, "the :authority is not host[:port]"};
    head.authority_slice = authority_;
    head.fields().push_back({put("host"), authority_, FieldName::host, true});
    return kGoOn;
}

HeadReader::Step HeadReader::take_field(const Field& field, http::RequestHead& head) {
    const std::string_view name = text(field.name);
    if (!http::is_field_value(text(field.value)))
        return Refusal{400, "a header value holds a control character"};
    switch (field.id) {
        case FieldName::host:
            if (std::exchange(has_host_, true)) return Refusal{400, "two Host headers"};
            if (!http::is_valid_authority(text(field.value)))
                return Refusal{400, "the Host header is not host[:port]"};
            if (has_authority_ && text(field.value) != text(authority_))
                return Refusal{400, "Host is another one than :authority"};
            if (has_authority_) return kGoOn;
            head.authority_slice = field.value;
            break;
        case FieldName::content_length:
            return take_length(field, head);
        case FieldName::content_type:
            if (std::exchange(has_type_, true)) return Refusal{400, "two Content-Type headers"};
            break;
        case FieldName::sec_websocket_key:
            if (head.connects) return kGoOn;  // has no meaning here: ours takes its place
            break;
        case FieldName::expect:
            if (!http::equals_ignoring_case("100-continue", text(field.value)))
                return Refusal{417, "the only expectation that is served is 100-continue"};
            head.expects_continue = true;
            break;
        default:
            head.has_forwarded = head.has_forwarded || http::is_forwarded_name(field.id);
            break;
    }
    const bool cgi = field.id == FieldName::unknown ? http::all_of_class(name, cls::kAlnumDash)
                                                    : field.id != FieldName::proxy;
    if (!cgi) ++head.dropped_fields;
    head.fields().push_back({field.name, field.value, field.id, cgi});
    return kGoOn;
}

HeadReader::Step HeadReader::take_length(const Field& field, http::RequestHead& head) {
    const auto length = http::parse_length(text(field.value));
    if (!length) return Refusal{400, "the Content-Length is not a number of bytes"};
    if (std::exchange(has_length_, true)) {
        if (*length == head.content_length) return kGoOn;
        return Refusal{400, "two different Content-Length headers"};
    }
    head.content_length = *length;
    head.fields().push_back({field.name, field.value, field.id, true});
    return kGoOn;
}

// What an upgrade of HTTP/1.1 has and a CONNECT has not: those who speak WebSocket look for it.
void HeadReader::add_upgrade(http::RequestHead& head) {
    const auto add = [&](FieldName id, std::string_view value) {
        const http::Slice name = put(http::field_text(id));
        head.fields().push_back({name, put(value), id, true});
    };
    add(FieldName::upgrade, "websocket");
    add(FieldName::connection, "Upgrade");
    add(FieldName::sec_websocket_key, made_key());
}

void HeadReader::add_cookies(http::RequestHead& head) {
    if (cookies_.empty()) return;
    const http::Slice name = put("cookie");
    head.fields().push_back({name, put(cookies_), FieldName::cookie, true});
}

}  // namespace mew::http2
