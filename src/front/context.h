#pragma once
// What all connections and exchanges of a front share. One loop, one thread; the threads of the
// file reader see none of it.

#include <array>
#include <cstdint>
#include <string>

#include "base/intrusive_list.h"
#include "client/deadlines.h"
#include "client/forwarding.h"
#include "client/refusal_log.h"
#include "client/settings.h"
#include "front/file_reader.h"
#include "front/spill.h"
#include "front/spill_folder.h"
#include "http/response_head.h"
#include "net/event_loop.h"
#include "stats/front_board.h"

namespace mew::front {

class Connection;
class Dispatch;
struct RegistryTag;

inline constexpr std::size_t kReceiveBuffer = 65536;

// What may be run again after a worker's death.
enum class Retry : std::uint8_t {
    queued,  // what no worker had begun with
    safe,    // and, once, safe requests of which nothing was answered
    off,     // nothing
};

struct Settings {
    client::Settings client;
    std::uint32_t queue = 1000;  // requests that wait for a worker
    base::Milliseconds queue_timeout{30000};
    Retry retry = Retry::safe;
    std::uint64_t request_buffer = 0;  // bytes of a body that are kept before the app is called
    std::uint64_t response_buffer_max = 0;  // bytes of an answer in a file for a slow reader
};

struct Context {
    Context(net::EventLoop& the_loop, const Settings& the_settings, stats::FrontSlot& the_slot)
        : loop(the_loop),
          settings(the_settings),
          slot(the_slot),
          deadlines(the_loop),
          forwarding(the_settings.client),
          reader(the_loop) {}

    net::EventLoop& loop;
    const Settings& settings;
    stats::FrontSlot& slot;
    client::Deadlines deadlines;
    client::Forwarding forwarding;
    FileReader reader;
    SpillFolder spill_folder;
    SpillTotals spill_totals;
    client::RefusalLog refusal_log;
    Dispatch* dispatch = nullptr;
    bool stopping = false;  // no connection outlives its answer

    base::IntrusiveList<Connection, RegistryTag> connections;
    std::uint64_t next_connection = 1;

    // In use inside one event only.
    std::array<char, kReceiveBuffer> receive_buffer;
    std::string out;      // what an exchange answers
    std::string scratch;  // a copy of what a worker wrote
    http::ResponseHead head;
};

}  // namespace mew::front
