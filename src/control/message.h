#pragma once
// Orders between the master, its zygotes, its workers, its fronts and its watcher. One
// SOCK_SEQPACKET pair for each of them; end of file means that the other side died. One packet is
// one message: this header, then `text_size` bytes of text, and up to kMaxDescriptors descriptors
// (SCM_RIGHTS).
//
//   zygote:  hello > [failed | ready] > spawned*          worker: hello > ready > ... > left
//   master:  spawn* reserve* spawn_task* (with the child's end) reopen-log leave
//            to a worker: check serve channel* retire reopen-log leave
//   watcher: changed*                          master: watch files hold reopen-log
//   front:   hello > ready > broken* > [drained] > left
//   master:  front_boot > channel* ended* certificates* ticket_keys* reopen-log retire
//
// A task, the process that runs a singleton: hello > ... > [failed | left]; it hears what a worker
// hears, and calls nothing of the app's before `serve`.
//
// Both ends are the same build or they part: each packet carries version and build id, and whoever
// sees another one closes the socket and says so. Only a master that was upgraded knows of parts of
// an older build: it says and expects theirs, for as long as the version of this protocol is the
// same (control/layouts). So a change to the header or to what a kind means is a new kVersion, and
// kinds keep their numbers: a new one is added at the end.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace mew::control {

inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kMaxText = 60000;  // longer text is cut, with a mark
inline constexpr std::size_t kMaxDescriptors = 4;
inline constexpr std::uint32_t kReserveSlot = 0xffffffff;  // of `spawned`: it was a reserve

enum class Kind : std::uint32_t {
    // zygote or worker > master
    hello,         // pid = own pid
    ready,         // zygote: app imported (text: one line about it). worker: may serve
    failed,        // could not start (task: raised); value = exit status, text = traceback
    spawned,       // zygote: slot's worker has `pid`; value = incarnation (a reserve: the order)
    task_spawned,  // zygote: the task of order `value` has `pid`
    reload,        // worker or task: the app asked (uwsgi.reload())
    stop,          // worker or task: the app asked (uwsgi.stop())
    worn,          // worker: asks for a substitute; value = requests it served (max-requests)
    // worker: retired, about to exit; value = requests cut (0: none)
    // task: its function is over; text = how
    left,
    files,  // zygote or worker: descriptor 0: the files of its modules (watch_list.h). The master
            // passes it on to the watcher, with slot and generation
    // watcher > master
    changed,  // value = Trigger, text = the path, slot = how many others changed with it
    // master > watcher
    watch,  // descriptor 0: the paths of the options (watch_list.h); value = ms between two looks
            // where events are not to be had; generation = the committed one, slot = the oldest
            // that may serve again: files of older ones go; text = ns since 1970: what changed
            // after that has changed
    hold,   // value 1: code is being loaded; what its files become is judged by `hold` 0
    // master > zygote
    spawn,    // slot, value = incarnation; descriptor 0: the worker's control end
    reserve,  // fork a zygote's reserve; value = number of the order; descriptor 0: its control end
    // slot = place in the list of singletons, from 1; value = number of this order; text = name;
    // descriptor 0: the task's control end
    spawn_task,
    // master > worker
    check,  // ready, not serving: answer the request on descriptor 0, a connection (reload-check)
    serve,  // commit: take the listeners
    // Finish what runs, then leave; value = mercy in ms. A worker's: generation = the one that
    // takes
    // its connections, 0: none does. A front's: generation = 1 if other fronts take its sockets
    // over, 0: the server stops.
    retire,
    // master > both
    reopen_log,  // descriptor 0: the new log; becomes the log descriptor and, as before, 1 and 2
    leave,       // exit now (zygote: at once; worker: as retire with no mercy)
    // master > front, worker: a channel (mailbox); descriptor 0: its memory, 1: an end of its pair.
    // To a front: slot, generation, value = incarnation of the worker.
    // To a worker, after `serve`: slot = number, value = incarnation of the front
    channel,
    // master > front: the worker of slot, generation, value = incarnation is dead; text = why its
    // requests may not be run again, empty: they may
    ended,
    // front > master: the worker of slot, generation, value = incarnation broke the mailbox's
    // rules; text = how. It is killed
    broken,
    // master > front, the first one: descriptor 0: its boot block (control/boot)
    front_boot,
    // master > front: descriptor 0: new certificates (tls::Material, constant memory)
    certificates,
    // master > front: text = what tickets are sealed with from now on (tls::TicketKeys, packed)
    ticket_keys,
    // front > master, at a stop: all that it still has are connections that workers took over
    drained,
};

struct Message {
    Kind kind = Kind::hello;
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::int32_t pid = 0;
    std::uint64_t value = 0;
    std::string text;
    std::vector<os::Fd> descriptors;
};

// Identifies this build: parts with another id do not attach to each other.
std::uint64_t build_id();

struct Pair {
    os::Fd near;
    os::Fd far;
};
base::Result<Pair> make_pair();

// Never blocks (MSG_DONTWAIT): a full socket is an error, the peer is taken for stuck. `build` is
// that of the other side.
base::Result<void> send(int fd, const Message& message, const std::vector<int>& descriptors = {},
                        std::uint64_t build = build_id());

enum class Receipt { message, nothing_yet, closed };
// `wait`: block until a message or the end. A foreign version, or another build id than `build`, is
// an error.
base::Result<Receipt> receive(int fd, Message& message, bool wait = false,
                              std::uint64_t build = build_id());

}  // namespace mew::control
