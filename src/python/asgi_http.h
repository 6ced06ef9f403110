#pragma once
// A call of an ASGI app for one HTTP request (ASGI's HTTP specification 2.4, and of its extensions
// trailers, early hints and pathsend).
//
//   expects start > expects body > [sends a file] > [expects trailers] > complete
//
// The head leaves with the first piece of body, so that an answer of one piece has its length. When
// the client leaves: a receive() that waits gives http.disconnect, then each send() raises; after
// asgi-cancel-after the task is cancelled (AsgiHost).

#include "http/response_head.h"
#include "python/asgi_call.h"

namespace mew::python {

class HttpCall final : public AsgiCall {
public:
    using AsgiCall::AsgiCall;
    // As new: its memory is used again.
    void reset();

    PyRef next_event() override;
    bool take_message(PyObject* message) override;
    bool must_wait() override;

    void run_out_of_time() override;

    void on_body() override { wake_waiters(); }
    void on_room() override;
    void on_gone() override;

protected:
    void on_app_end(bool raised) override;
    void recycle() override;

private:
    enum class State : std::uint8_t { start, body, file, trailers, complete };

    PyRef body_event();
    PyRef disconnect_event();
    bool take_start(PyObject* message);
    bool take_body(PyObject* message);
    bool take_trailers(PyObject* message);
    void end_body();
    bool take_hint(PyObject* message);
    bool take_path(PyObject* message);
    bool begin();
    void lose_client();
    void send_more_of_file();
    void finish();
    bool refuse(const char* type);

    bool is_event_stream_ = false;
    bool has_trailers_ = false;    // http.response.start said so
    http::ResponseHead trailers_;  // what came of them
    State state_ = State::start;
    bool body_over_ = false;  // the request's, as far as the app was told
    bool client_gone_ = false;
    http::ResponseHead head_;
    std::vector<PyRef> keep_;  // what the head's views point into
    int file_ = -1;
    std::uint64_t file_at_ = 0;
};

}  // namespace mew::python
