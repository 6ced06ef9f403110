// The fields of an opening handshake: each line of the input is the value of one, and its first
// byte says which. What is offered is borrowed from them, and what we would answer is one line each
// and, read as an offer, acceptable again.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/pieces.h"
#include "http/grammar.h"
#include "websocket/accept_key.h"
#include "websocket/handshake.h"

namespace {

using namespace mew;

constexpr http::FieldName kFields[] = {
    http::FieldName::sec_websocket_key, http::FieldName::sec_websocket_version,
    http::FieldName::sec_websocket_protocol, http::FieldName::sec_websocket_extensions};

void fill(std::string_view block, http::RequestHead& head) {
    head.set_block(block.data(), block.size());
    while (!block.empty()) {
        const std::string_view line = block.substr(0, block.find('\n'));
        block.remove_prefix(std::min(block.size(), line.size() + 1));
        if (line.empty()) continue;
        http::FieldSlices field;
        field.id = kFields[static_cast<unsigned char>(line[0]) % 4];
        field.value = head.slice(line.substr(1));
        head.fields().push_back(field);
    }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view block(reinterpret_cast<const char*>(data), size);
    const auto require = [&](bool holds, const char* promise) {
        fuzz::require(holds, promise, [&] { return std::string(block); });
    };
    http::RequestHead head;
    fill(block, head);
    auto offer = websocket::read_offer(head);
    if (!offer) {
        const int status = offer.error().status;
        require(status == 400 || status == 426, "the status of a refusal");
        return 0;
    }
    require(websocket::is_key(offer->key), "a key that is none");
    websocket::Acceptance acceptance;
    acceptance.key = offer->key;
    acceptance.deflate = offer->deflate;
    for (const std::string_view name : offer->subprotocols) {
        require(http::is_token(name), "a subprotocol that is no token");
        acceptance.subprotocol = name;
    }
    std::string answer;
    websocket::append_accept_head(acceptance, answer);
    const std::size_t end = answer.find("\r\n\r\n");
    require(end + 4 == answer.size(), "an answer that ends before its end");
    if (!offer->deflate) return 0;
    const auto bits = offer->deflate->window_bits;
    require(bits >= 9 && bits <= 15, "a window that zlib does not have");
    std::string extension;
    websocket::append_extension(*offer->deflate, extension);
    auto again = websocket::find_deflate(extension);
    require(again && again.value() && again.value()->window_bits == bits, "our own words");
    return 0;
}
