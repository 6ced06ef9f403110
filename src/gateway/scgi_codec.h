#pragma once
// SCGI: a netstring of NUL-terminated names and values, CONTENT_LENGTH first, then the body; the
// answer is a CGI head ("Status: 200 OK") and its bytes. What web servers send by scgi_pass.

#include "gateway/packet_codec.h"

namespace mew::gateway {

class ScgiCodec final : public PacketCodec {
public:
    explicit ScgiCodec(const http::Limits& limits) : PacketCodec(limits, false, "Status: ") {}

private:
    Outcome take_packet(std::string_view bytes, std::size_t& size) override;
    Outcome take_variables(std::string_view variables);
};

}  // namespace mew::gateway
