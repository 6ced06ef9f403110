#pragma once
// The master's side of `mewsgi reload|upgrade|stop|status`. Whoever connects must be root or have
// the master's own uid (SO_PEERCRED); others get one sentence. Never blocks: answers are buffered,
// a client that does not read or does not ask in time is dropped.

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "master/command_text.h"
#include "master/state.h"
#include "net/event_loop.h"
#include "os/fd.h"

namespace mew::master {

using ClientId = std::uint64_t;

class CommandSocket final : public net::EventHandler {
public:
    using Handler = std::function<void(Command command, pid_t asked_by, ClientId client)>;

    CommandSocket(net::EventLoop& loop, Handler handler);
    ~CommandSocket() override;

    base::Result<void> open(const std::string& name);
    // The socket and the clients of the master before the upgrade; gives those who wait for it.
    base::Result<std::vector<ClientId>> take_over(os::Fd listener,
                                                  const std::vector<state::Client>& clients);
    void to_state(state::Whole& into) const;
    // May come much later than the command, or never reach a client that went away.
    void answer(ClientId client, const CommandAnswer& answer);
    void close();

    void on_event(std::uint32_t events) override;

private:
    class Client;

    void accept_one(int fd);
    void drop(ClientId client);

    net::EventLoop& loop_;
    Handler handler_;
    os::Fd listener_;
    ClientId next_ = 1;
    std::unordered_map<ClientId, std::unique_ptr<Client>> clients_;
};

}  // namespace mew::master
