#pragma once
// What uwsgi and SCGI have in common, behind the Codec seam: a head in one packet, a body of known
// length, an answer that is a head in text and its bytes as they are. One request a connection,
// unless both sides can tell where the answer ends (uwsgi, kept).
//
// The answers lack what the web server before us adds anyway: Date, Server, Connection, chunks.

#include "gateway/head_builder.h"
#include "http/codec.h"

namespace mew::gateway {

class PacketCodec : public http::Codec {
public:
    std::size_t decode(std::string_view bytes, http::StreamEvents& events) final;
    http::BodyPlan encode_head(http::StreamId stream, const http::ResponseHead& head,
                               bool close_after, std::string& out) final;
    void encode_continue(http::StreamId, std::string&) final {}  // the web server's to say
    void encode_body_prefix(http::StreamId, std::size_t, std::string&) final {}
    void encode_body_suffix(http::StreamId, std::string&) final {}
    void encode_end(http::StreamId stream, std::string& out) final;
    bool encode_abort(http::StreamId stream, std::string& out) final;
    bool block_is_wire() const final { return false; }
    bool nothing_follows() const final { return true; }
    bool inside_head() const final { return state_ == State::head && begun_; }

protected:
    // `status_line`: what stands before "200 OK".
    PacketCodec(const http::Limits& limits, bool kept, std::string_view status_line)
        : limits_(limits), builder_(limits), kept_(kept), status_line_(status_line) {}

    enum class Outcome : std::uint8_t {
        more,     // the packet is not whole
        request,  // its variables were added
        refused,  // see refusal_
        reply,    // reply_ is the answer to it
        last,     // the same, and the connection ends
    };
    // Looks at a packet from its first byte; `size` becomes the packet's, once it is known to be
    // whole. Called again with more bytes behind until the outcome is not `more`.
    virtual Outcome take_packet(std::string_view bytes, std::size_t& size) = 0;

    Outcome refuse(const http::Refusal& refusal) {
        refusal_ = refusal;
        return Outcome::refused;
    }
    // The peer speaks HTTP: it is told so in HTTP.
    Outcome refuse_in_http(const http::Refusal& refusal) {
        status_line_ = "HTTP/1.1 ";
        return refuse(refusal);
    }
    Outcome accept(bool strip_script_name) {
        const Step step = builder_.finish(strip_script_name);
        return step ? refuse(*step) : Outcome::request;
    }

    const http::Limits& limits_;
    HeadBuilder builder_;
    http::RequestHead head_;
    http::Refusal refusal_;
    std::string_view reply_;
    const bool kept_;

private:
    // head > body > answering > head ...; failed ends it: whatever still comes is never a request.
    enum class State : std::uint8_t { head, body, answering, failed };

    bool decode_packet(std::string_view bytes, std::size_t& used, http::StreamEvents& events);
    bool decode_body(std::string_view bytes, std::size_t& used, http::StreamEvents& events);
    void end_of_body(http::StreamEvents& events);
    State after_answer() const { return closes_ ? State::failed : State::head; }

    std::string_view status_line_;
    http::StreamId stream_ = 0;
    State state_ = State::head;
    bool begun_ = false;
    std::uint64_t body_left_ = 0;

    // Of the answer in progress.
    bool head_request_ = false;
    bool closes_ = false;
    bool answer_ended_ = false;  // before the request's body did
};

// Does a client speak HTTP, or TLS, to a port of ours that is for web servers? At least 4 bytes.
bool looks_like_http(std::string_view bytes);
bool looks_like_tls(std::string_view bytes);

}  // namespace mew::gateway
