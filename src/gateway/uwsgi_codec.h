#pragma once
// The uwsgi protocol: a header of four bytes (modifier1, size of the variables, modifier2), the
// variables, the body. The answer is HTTP/1.1 in text. What web servers send by uwsgi_pass, and the
// default of the `socket` option.
//
// Served are requests to a Python app (modifier1 0, and 30: SCRIPT_NAME is still in PATH_INFO),
// pings (100) and the end of a kept connection (200). Everything else is refused: the port is for
// web servers, not a way to command the server.

#include "gateway/packet_codec.h"

namespace mew::gateway {

class UwsgiCodec final : public PacketCodec {
public:
    // `kept`: packets may follow one another on a connection.
    UwsgiCodec(const http::Limits& limits, bool kept) : PacketCodec(limits, kept, "HTTP/1.1 ") {}

private:
    Outcome take_packet(std::string_view bytes, std::size_t& size) override;
    Outcome take_variables(std::string_view variables, bool strip_script_name);
};

}  // namespace mew::gateway
