#pragma once
// One request that runs in a greenlet (gevent): to the WSGI bridge an exchange whose calls wait,
// made of one that goes on. Whoever waits in a call switches to the hub, and is woken by news of
// the exchange. Lives on the heap, held by its greenlet: the stack of a greenlet that is switched
// out is somewhere else, so nothing may point into it. Everything needs the GIL, on one thread.

#include <Python.h>

#include <optional>
#include <string>

#include "http/exchange.h"
#include "os/fd.h"
#include "python/ref.h"

namespace mew::python {

class WsgiBridge;

// What gevent does for it: functions of python/mewsgi/_gevent.py.
struct GreenletCalls {
    PyRef spawn;  // spawn(function)
    PyRef wait;   // wait(waiting): until wake(waiting); raises what is thrown into the greenlet
    PyRef wake;
    PyRef pause;  // pause(): behind all that can run now

    // False with an exception set.
    bool find(PyObject* module);
};

class GreenletExchange final : public http::BodySource,
                               public http::ResponseSink,
                               private http::ExchangeEvents {
public:
    GreenletExchange(http::Exchange& outer, const GreenletCalls& calls);
    ~GreenletExchange() override;
    GreenletExchange(const GreenletExchange&) = delete;
    GreenletExchange(GreenletExchange&&) = delete;
    GreenletExchange& operator=(const GreenletExchange&) = delete;
    GreenletExchange& operator=(GreenletExchange&&) = delete;

    // In the greenlet: the whole exchange.
    void run(WsgiBridge& bridge);

    // --- BodySource
    base::Result<std::string_view, http::BodyFailure> read() override;
    bool ready() override { return outer_.body->ready(); }
    bool at_end() override { return outer_.body->at_end(); }

    // --- ResponseSink: an error with a Python exception set is one that was thrown into a wait
    base::Result<void> start(http::ResponseHead& head) override;
    base::Result<void> write(std::string_view bytes) override;
    base::Result<void> flush() override;
    base::Result<void> send_file(int fd, std::uint64_t offset, std::uint64_t size) override;
    bool congested() override { return outer_.response.congested(); }
    bool finish() override;
    void fail(int status) override;
    bool started() const override { return outer_.response.started(); }
    std::uint64_t room() const override { return outer_.response.room(); }
    bool takes_hints() const override { return outer_.response.takes_hints(); }
    void hint(const http::ResponseHead& hints) override { outer_.response.hint(hints); }
    bool may_detach() const override { return outer_.response.may_detach(); }
    base::Result<http::Detached> detach(http::Detach how) override;

private:
    void on_body() override { wake(); }
    void on_room() override;
    void on_gone() override;
    base::Result<void> wait_for_room();
    bool wait();
    void wake();
    void let_others_out();
    void end();

    http::Exchange& outer_;
    const GreenletCalls& calls_;
    std::optional<http::Exchange> inner_;
    PyRef waiting_;  // a list, of those that wait here: besides its own greenlet, others of the app
    std::string piece_;
    os::Fd taken_over_;  // a copy of the connection that the app took
    bool has_room_ = false;
    bool gone_ = false;
    bool over_ = false;
    bool ended_ = false;
};

}  // namespace mew::python
