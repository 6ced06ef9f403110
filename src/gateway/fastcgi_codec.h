#pragma once
// FastCGI 1.0 in the role of responder, behind the Codec seam. One request at a time: a second one
// that begins inside the first is told so (cant_multiplex), one that comes after it waits. An
// answer that broke ends the connection without its end_request record.
//
// Nothing of a request's head counts as decoded before the head is complete: until then the
// connection may move to another worker as the bytes that were received.

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/fastcgi_record.h"
#include "gateway/head_builder.h"
#include "http/codec.h"

namespace mew::gateway {

class FastcgiCodec final : public http::Codec {
public:
    explicit FastcgiCodec(const http::Limits& limits) : limits_(limits), builder_(limits) {}

    std::size_t decode(std::string_view bytes, http::StreamEvents& events) override;
    http::BodyPlan encode_head(http::StreamId stream, const http::ResponseHead& head,
                               bool close_after, std::string& out) override;
    void encode_continue(http::StreamId, std::string&) override {}  // the web server's to say
    void encode_body_prefix(http::StreamId stream, std::size_t size, std::string& out) override;
    void encode_body_suffix(http::StreamId, std::string&) override {}
    void encode_end(http::StreamId stream, std::string& out) override;
    bool encode_abort(http::StreamId stream, std::string& out) override;
    bool block_is_wire() const override { return false; }
    bool nothing_follows() const override { return true; }
    bool inside_head() const override { return begun_; }

private:
    enum class State : std::uint8_t {
        idle,         // no request is open
        params,       // its variables come
        first_input,  // they are here; the next record tells whether there is a body
        body,
        answering,
        failed,  // whatever still comes is never a request
    };
    // How a refusal is told: in records, as plain HTTP to who spoke it, or not at all.
    enum class Voice : std::uint8_t { records, http, silent };

    bool decode_head(std::string_view bytes, std::size_t& used, http::StreamEvents& events);
    bool decode_idle(const RecordHeader& record, std::string_view content, std::size_t& used,
                     http::StreamEvents& events);
    bool decode_params(const RecordHeader& record, std::string_view content, std::size_t& used,
                       http::StreamEvents& events);
    bool decode_first_input(const RecordHeader& record, std::size_t& used,
                            http::StreamEvents& events);
    bool decode_body(std::string_view bytes, std::size_t& used, http::StreamEvents& events);
    bool decode_content(std::string_view bytes, std::size_t& used, http::StreamEvents& events);
    bool decode_body_record(const RecordHeader& record, std::string_view bytes, std::size_t& used,
                            http::StreamEvents& events);
    bool check_body_size(http::StreamEvents& events);
    void take_other(const RecordHeader& record, std::string_view content,
                    http::StreamEvents& events);
    void begin_request(std::uint16_t request, std::string_view content, http::StreamEvents& events);
    void end_params(http::StreamEvents& events);
    void open_stream(http::BodyFraming framing, http::StreamEvents& events);
    bool is_foreign(std::string_view bytes, http::StreamEvents& events);
    void reply(const std::string& bytes, bool ends, http::StreamEvents& events);
    void refuse(const http::Refusal& refusal, http::StreamEvents& events);
    void end_of_body(http::StreamEvents& events);
    State after_answer() const { return closes_ ? State::failed : State::idle; }

    const http::Limits& limits_;
    HeadBuilder builder_;
    http::RequestHead head_;
    State state_ = State::idle;
    Voice voice_ = Voice::silent;
    bool begun_ = false;         // bytes of a request's head are there
    bool keeps_ = false;         // the web server keeps the connection
    std::uint16_t request_ = 0;  // as the web server numbers it
    http::StreamId stream_ = 0;
    std::size_t scanned_ = 0;  // bytes of the head in progress that were looked at

    // Of the body.
    std::size_t content_left_ = 0;  // of the record in progress
    std::size_t padding_left_ = 0;
    std::uint64_t body_received_ = 0;  // that of the record in progress included

    // Of the answer in progress.
    bool head_request_ = false;
    bool closes_ = false;
    bool answer_ended_ = false;  // before the request's body did
};

}  // namespace mew::gateway
