#pragma once
// The head of a request in the one neutral form that every codec produces and every bridge reads.
// All text lies in one contiguous block (for HTTP/1.1 the very bytes that were received); fields
// are offsets into it, so a head is moved by one copy of the block.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/field_name.h"

namespace mew::http {

enum class Version : std::uint8_t { http10, http11, http2, http3 };

// How the end of the body is known.
enum class BodyFraming : std::uint8_t { none, length, chunked };

struct Slice {
    std::uint32_t at = 0;
    std::uint32_t size = 0;

    Slice without_first(std::size_t count) const {
        return {static_cast<std::uint32_t>(at + count), static_cast<std::uint32_t>(size - count)};
    }
};

struct FieldSlices {
    Slice name;
    Slice value;
    FieldName id = FieldName::unknown;
    bool cgi = true;  // may become a CGI variable (rule 12)
};

// A CGI variable that a gateway gave and that is no header: SERVER_NAME, DOCUMENT_ROOT, ...
struct Variable {
    Slice name;
    Slice value;
};

// What a codec found out about a head; plain values, reset in one assignment.
struct RequestFacts {
    Slice method_slice;
    Slice target_slice;
    Slice path_slice;
    Slice query_slice;
    Slice authority_slice;
    Slice script_name_slice;  // only gateways
    // The client, where it is not the peer: a gateway's REMOTE_ADDR, or what a trusted proxy says
    // (client/forwarding), which may know the port too.
    Slice client_address_slice;
    Slice client_port_slice;
    Slice server_port_slice;  // which the client spoke to, as a trusted proxy says
    Version version = Version::http11;
    BodyFraming framing = BodyFraming::none;
    std::uint64_t content_length = 0;  // framing length only
    bool keep_alive = true;            // what the client asked for
    bool expects_continue = false;
    bool absolute_target = false;  // authority_slice comes from the target
    bool path_decoded = false;     // a gateway's PATH_INFO: nothing is left to decode
    bool https = false;            // the client's scheme, as far as anybody believed says so
    // A codec saw Forwarded or an X-Forwarded field that client/forwarding must look at.
    bool has_forwarded = false;
    // A trusted proxy's word replaced: client_address and _port, https, authority.
    bool forwarded_client = false;
    bool forwarded_scheme = false;
    bool forwarded_host = false;
    bool server_wide = false;  // OPTIONS of no resource: the path is "*", sliced or not
    // An extended CONNECT (RFC 8441) in the form of an upgrade: what comes is no body, and only
    // whoever takes the connection over may accept it.
    bool connects = false;
    std::uint32_t dropped_fields = 0;  // names that may not become CGI variables
};

class RequestHead : public RequestFacts {
public:
    RequestHead() = default;
    RequestHead(const RequestHead&) = delete;
    RequestHead& operator=(const RequestHead&) = delete;
    RequestHead(RequestHead&&) = delete;
    RequestHead& operator=(RequestHead&&) = delete;
    ~RequestHead() = default;

    // Keeps the memory of fields and block for the next request.
    void clear() {
        static_cast<RequestFacts&>(*this) = RequestFacts{};
        fields_.clear();
        variables_.clear();
        block_ = nullptr;
        block_size_ = 0;
    }

    // The block the slices refer to; borrowed until own().
    void set_block(const char* block, std::size_t size) {
        block_ = block;
        block_size_ = size;
    }
    std::string_view block() const { return {block_, block_size_}; }
    std::size_t block_size() const { return block_size_; }
    // Copies the block: the head now outlives the receive buffer.
    void own() {
        if (block_ == own_.data()) return;
        own_.assign(block_, block_size_);
        block_ = own_.data();
    }

    // A variable that the block does not hold; it is owned from then on.
    void add_variable(std::string_view name, std::string_view value) {
        own();
        const auto at = static_cast<std::uint32_t>(own_.size());
        own_.append(name).append(value);
        block_ = own_.data();
        block_size_ = own_.size();
        const auto size = static_cast<std::uint32_t>(name.size());
        variables_.push_back({{at, size}, {at + size, static_cast<std::uint32_t>(value.size())}});
    }

    std::string_view text(Slice slice) const { return {block_ + slice.at, slice.size}; }
    // `part` lies in the block.
    Slice slice(std::string_view part) const {
        return {static_cast<std::uint32_t>(part.data() - block_),
                static_cast<std::uint32_t>(part.size())};
    }
    std::string_view method() const { return text(method_slice); }
    std::string_view target() const { return text(target_slice); }  // as received
    // Still encoded.
    std::string_view path() const { return server_wide ? "*" : text(path_slice); }
    std::string_view query() const { return text(query_slice); }  // without '?'
    // Host, or what replaces it: the authority of an absolute target (RFC 9112 3.2.2), or the host
    // that a trusted proxy says was asked for.
    std::string_view authority() const { return text(authority_slice); }

    std::string_view script_name() const { return text(script_name_slice); }
    // Empty: the peer of the connection is the client.
    std::string_view client_address() const { return text(client_address_slice); }
    std::string_view client_port() const { return text(client_port_slice); }
    std::string_view server_port() const { return text(server_port_slice); }

    std::vector<Variable>& variables() { return variables_; }
    const std::vector<Variable>& variables() const { return variables_; }
    std::vector<FieldSlices>& fields() { return fields_; }
    const std::vector<FieldSlices>& fields() const { return fields_; }
    std::string_view name(const FieldSlices& field) const { return text(field.name); }
    std::string_view value(const FieldSlices& field) const { return text(field.value); }

private:
    const char* block_ = nullptr;
    std::size_t block_size_ = 0;
    std::vector<FieldSlices> fields_;
    std::vector<Variable> variables_;
    std::string own_;
};

}  // namespace mew::http
