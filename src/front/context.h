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
#include "http2/codec.h"
#include "net/event_loop.h"
#include "stats/front_board.h"
#include "tls/store.h"

namespace mew::front {

class ClientSocket;
class Http2Connection;
class Dispatch;
struct RegistryTag;
struct UnsentTag;

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
    http2::Settings http2;
    bool http2_cleartext = false;     // clients may begin with it on sockets without TLS
    std::string transport_security;   // of answers over TLS (RFC 6797); empty: none
    bool export_certificate = false;  // clients' certificates themselves, to apps
    std::string https_port;           // where http-to-https sends clients
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
    tls::Store tls;
    Dispatch* dispatch = nullptr;
    bool stopping = false;  // no connection outlives its answer

    base::IntrusiveList<ClientSocket, RegistryTag> connections;
    // Whose codecs were given something since the loop's last turn.
    base::IntrusiveList<Http2Connection, UnsentTag> unsent;
    std::uint64_t next_connection = 1;

    // In use inside one event only.
    std::array<char, kReceiveBuffer> receive_buffer;
    std::string out;      // what an exchange answers
    std::string frames;   // what a connection of many exchanges sends
    std::string scratch;  // a copy of what a worker wrote
    std::string plain;    // of one wire's TLS: what was decrypted,
    std::string cipher;   // and what is to be sent
    std::string record;   // to become one of TLS
    http::ResponseHead head;
};

}  // namespace mew::front
