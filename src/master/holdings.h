#pragma once
// What the master holds through all generations: the loop, its children, the sockets, the log.
// Made by the launcher, borrowed by everything else in this folder, outlives it all.

#include <optional>
#include <string>
#include <vector>

#include "control/gate.h"
#include "control/message.h"
#include "master/certificates.h"
#include "master/children.h"
#include "master/deaths.h"
#include "master/fifo.h"
#include "master/fronts.h"
#include "master/log_target.h"
#include "master/pidfile.h"
#include "master/program.h"
#include "master/watcher_handle.h"
#include "net/event_loop.h"
#include "net/listener.h"
#include "options/load.h"
#include "os/users.h"

namespace mew::master {

struct Holdings {
    Holdings(net::EventLoop& the_loop, const Program& the_program)
        : loop(the_loop),
          program(the_program),
          log_target(the_loop, children),
          watcher(the_loop, children, log_target, the_program.watcher),
          fronts(*this),
          certificates(*this),
          fifos(the_loop) {}

    net::EventLoop& loop;
    const Program& program;
    Children children;
    Deaths deaths;
    LogTarget log_target;
    WatcherHandle watcher;
    Fronts fronts;
    Certificates certificates;
    Fifos fifos;
    std::vector<net::Listener> listeners;
    control::Gate gate;                    // who may accept, across generations
    os::Fd bell;                           // thunder-lock: rung when its token is free
    control::Pair handover;                // retiring workers give, serving workers take
    std::optional<os::Identity> identity;  // what zygotes and workers become
    Pidfile pidfile;
    base::MonotonicTime started;
    std::string python_version;
    std::string upgraded_from;     // "0.1.0 (build ...)": until the first commit of this build
    options::Loaded started_with;  // options that need a restart keep these values
};

}  // namespace mew::master
