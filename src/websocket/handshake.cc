#include "websocket/handshake.h"

#include "http/grammar.h"
#include "websocket/accept_key.h"

namespace mew::websocket {
namespace {

using http::FieldName;

base::Unexpected<http::Refusal> refuse(int status, std::string_view reason) {
    return {http::Refusal{status, reason}};
}

// Fields that may stand once only.
struct Single {
    std::string_view value;
    int count = 0;

    void take(std::string_view text) {
        value = text;
        ++count;
    }
};

// Appends the elements of a list of tokens; false if one is none.
bool take_tokens(std::string_view list, std::vector<std::string_view>& tokens) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        const std::string_view element = http::trim_blanks(list.substr(0, comma));
        list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
        if (element.empty()) continue;
        if (!http::is_token(element)) return false;
        tokens.push_back(element);
    }
    return true;
}

bool is_our_own(FieldName name) {
    switch (name) {
        case FieldName::connection:
        case FieldName::upgrade:
        case FieldName::content_length:
        case FieldName::transfer_encoding:
        case FieldName::sec_websocket_accept:
        case FieldName::sec_websocket_extensions:
        case FieldName::sec_websocket_key:
        case FieldName::sec_websocket_protocol:
        case FieldName::sec_websocket_version:
            return true;
        default:
            return false;
    }
}

}  // namespace

bool asks_for_websocket(const http::RequestHead& head) {
    if (head.method() != "GET" || head.version == http::Version::http10 ||
        head.framing != http::BodyFraming::none) {
        return false;
    }
    bool upgrades = false;
    bool connects = false;
    for (const http::FieldSlices& field : head.fields()) {
        if (field.id == FieldName::upgrade) {
            upgrades = upgrades || http::list_contains(head.value(field), "websocket");
        } else if (field.id == FieldName::connection) {
            connects = connects || http::list_contains(head.value(field), "upgrade");
        }
    }
    return upgrades && connects;
}

base::Result<Offer, http::Refusal> read_offer(const http::RequestHead& head) {
    Offer offer;
    Single key;
    Single version;
    for (const http::FieldSlices& field : head.fields()) {
        const std::string_view value = http::trim_blanks(head.value(field));
        if (field.id == FieldName::sec_websocket_key) {
            key.take(value);
        } else if (field.id == FieldName::sec_websocket_version) {
            version.take(value);
        } else if (field.id == FieldName::sec_websocket_protocol) {
            if (!take_tokens(value, offer.subprotocols)) {
                return refuse(400, "Sec-WebSocket-Protocol is malformed");
            }
        } else if (field.id == FieldName::sec_websocket_extensions) {
            auto found = find_deflate(value);
            if (!found) return std::move(found).failure();
            if (!offer.deflate) offer.deflate = found.value();
        }
    }
    if (version.count == 0) return refuse(426, "Sec-WebSocket-Version is missing");
    if (version.count > 1 || version.value != "13") {
        return refuse(426, "only version 13 of WebSocket is spoken");
    }
    if (key.count != 1 || !is_key(key.value)) {
        return refuse(400, "Sec-WebSocket-Key is not 16 bytes in base64");
    }
    offer.key = key.value;
    return offer;
}

void append_accept_head(const Acceptance& acceptance, std::string& out) {
    out.append("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    out.append("Sec-WebSocket-Accept: ").append(accept_key(acceptance.key)).append("\r\n");
    if (!acceptance.subprotocol.empty()) {
        out.append("Sec-WebSocket-Protocol: ").append(acceptance.subprotocol).append("\r\n");
    }
    if (acceptance.deflate) {
        out.append("Sec-WebSocket-Extensions: ");
        append_extension(*acceptance.deflate, out);
        out.append("\r\n");
    }
    if (acceptance.headers != nullptr) {
        for (const http::Header& header : *acceptance.headers) {
            if (header.dropped || is_our_own(header.id)) continue;
            out.append(header.name).append(": ").append(header.value).append("\r\n");
        }
    }
    out.append("\r\n");
}

}  // namespace mew::websocket
