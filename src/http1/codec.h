#pragma once
// HTTP/1.1 and 1.0 (RFC 9112) behind the Codec seam. One stream at a time; the next request of a
// pipeline is decoded only after encode_end of the one before.

#include "http/codec.h"
#include "http1/chunk_parser.h"
#include "http1/head_parser.h"

namespace mew::http1 {

class Codec final : public http::Codec {
public:
    explicit Codec(const http::Limits& limits)
        : limits_(limits), head_parser_(limits), chunk_parser_(limits) {}

    std::size_t decode(std::string_view bytes, http::StreamEvents& events) override;
    http::BodyPlan encode_head(http::StreamId stream, const http::ResponseHead& head,
                               bool close_after, std::string& out) override;
    void encode_continue(http::StreamId stream, std::string& out) override;
    void encode_body_prefix(http::StreamId stream, std::size_t size, std::string& out) override;
    void encode_body_suffix(http::StreamId stream, std::string& out) override;
    void encode_trailers(http::StreamId stream, const http::ResponseHead& fields) override;
    void encode_end(http::StreamId stream, std::string& out) override;
    bool encode_abort(http::StreamId stream, std::string& out) override;
    bool block_is_wire() const override { return true; }
    bool may_detach() const override { return !http10_; }
    bool inside_head() const override { return state_ == State::head && head_parser_.begun(); }

private:
    // head > (body_length | body_chunked) > answering > head ...; failed ends it: after a refusal,
    // an abort or an answer that closes, whatever still comes is never a request (rule 24).
    enum class State : std::uint8_t { head, body_length, body_chunked, answering, failed };

    bool decode_head(std::string_view bytes, std::size_t& used, http::StreamEvents& events);
    bool decode_length(std::string_view bytes, std::size_t& used, http::StreamEvents& events);
    bool decode_chunk(std::string_view bytes, std::size_t& used, http::StreamEvents& events);
    void refuse(const http::Refusal& refusal, http::StreamEvents& events);
    void end_of_body(http::StreamEvents& events);
    State after_answer() const { return closes_ ? State::failed : State::head; }

    const http::Limits& limits_;
    HeadParser head_parser_;
    ChunkParser chunk_parser_;
    http::RequestHead head_;
    http::StreamId stream_ = 0;
    State state_ = State::head;
    std::uint64_t body_left_ = 0;

    // Of the answer in progress; what the request asked for decides it.
    bool head_request_ = false;
    bool http10_ = false;
    bool client_keeps_alive_ = true;
    bool takes_trailers_ = false;  // it said so by TE
    std::string trailers_;         // of the answer, as they go
    bool chunked_answer_ = false;
    bool chunk_open_ = false;
    bool closes_ = false;  // the answer said that the connection ends
    // Before the request's body did; that is still decoded, for the driver to drop.
    bool answer_ended_ = false;
};

}  // namespace mew::http1
