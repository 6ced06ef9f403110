#pragma once
// master-fifo: named pipes through which people and scripts order by single letters
// (`echo r > app.fifo`). Opened for reading and writing, so that it never sees an end; what a
// letter means is the supervisor's (master/order_table).

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "master/state.h"
#include "net/event_loop.h"
#include "os/fd.h"

namespace mew::master {

class Fifos {
public:
    using OnLetter = std::function<void(char letter, const std::string& path)>;

    explicit Fifos(net::EventLoop& loop);
    ~Fifos();
    Fifos(const Fifos&) = delete;
    Fifos& operator=(const Fifos&) = delete;

    // Makes them, with the mode that umask leaves; one that is there already is used as it is.
    // Relative paths begin in `folder`, if there is one.
    base::Result<void> open(const std::vector<std::string>& paths, const std::string& folder,
                            OnLetter on_letter);
    // Those of the master before the upgrade, with what was written meanwhile.
    base::Result<void> take_over(const std::vector<state::Fifo>& from, OnLetter on_letter);
    std::vector<state::Fifo> to_state() const;
    // `remove`: their files too, as far as they are ours.
    void close(bool remove);

private:
    class Fifo;

    net::EventLoop& loop_;
    OnLetter on_letter_;
    std::vector<std::unique_ptr<Fifo>> fifos_;
};

}  // namespace mew::master
