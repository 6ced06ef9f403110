#pragma once
// The effective options, typed. One field here + one row in options/table.cc is all that an option
// takes; command line, files, environment, --help, did-you-mean and `uwsgi.opt` come from the row.
// Units are in the types; text keeps what the user wrote where a later step must resolve it.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/protocol.h"

namespace mew::options {

using Seconds = std::chrono::seconds;
using Milliseconds = std::chrono::milliseconds;

enum class Preload : std::uint8_t { automatic, on, off };

// A listening address as written, with the protocol that is spoken on it.
struct ListenAddress {
    using Protocol = net::Protocol;
    Protocol protocol = Protocol::http;
    std::string option;   // "http", "socket", ...: how the log names it
    std::string address;  // ":8000", "[::1]:8000", "/run/app.sock", "fd://3": see net/address.h

    bool operator==(const ListenAddress&) const = default;
};

struct EnvironmentChange {
    std::string name;
    std::optional<std::string> value;  // absent: unset

    bool operator==(const EnvironmentChange&) const = default;
};

struct Options {
    // app
    std::string module;               // pkg.mod, pkg.mod:app, pkg.mod:make_app()
    std::string wsgi_file;            // path of a .py or .wsgi file
    std::string callable;             // empty: "application", then "app"
    std::vector<std::string> mounts;  // /path=pkg.mod:app or /path=file.py
    bool manage_script_name = false;  // gateways too choose a mount by the path
    std::string chdir;
    std::vector<std::string> pythonpath;
    std::string virtualenv;
    std::string interpreter;
    std::string pyargv;  // blank-separated sys.argv[1:]
    std::vector<EnvironmentChange> env;
    std::vector<std::string> import_modules;
    bool need_app = true;
    bool lazy_apps = false;
    Preload preload = Preload::automatic;
    std::vector<std::string> warm_up;  // URIs that the app is called with before it serves
    bool dev = false;                  // `mewsgi dev`: see options/dev.h

    // processes
    bool master = true;
    int processes = 1;                         // resolved: `auto` is already a number here
    bool processes_auto = false;               // true: the number came from cgroup and CPUs
    int threads = 1;                           // cores of one worker
    std::uint32_t threads_stack_size = 0;      // KiB; 0: the system's own
    Milliseconds worker_start_timeout{60000};  // from the fork to ready, if the app is preloaded
    std::uint64_t max_requests = 0;            // of one worker, then it is replaced; 0: no limit
    std::uint64_t max_requests_delta = 0;      // more for each further worker
    std::string uid;                           // name or number; empty: unchanged
    std::string gid;
    std::string pidfile;
    bool vacuum = true;
    bool auto_procname = false;
    std::vector<std::string> singletons;  // [NAME=]pkg.mod:function, see singleton_text.h

    // ASGI
    std::string asgi = "auto";                  // auto, on, off: is the app one?
    std::string asgi_loop = "auto";             // auto, asyncio, uvloop
    std::string asgi_lifespan = "auto";         // auto, on, off
    std::uint32_t asgi_concurrency = 1000;      // requests that one worker runs at once
    Milliseconds asgi_lifespan_timeout{60000};  // start-up, and shutdown, of one worker's app
    Milliseconds asgi_cancel_after{30000};      // a task whose client left; 0: never

    // gevent
    int gevent = 0;  // greenlets of one worker; 0: no gevent
    bool gevent_monkey_patch = true;
    bool gevent_wait_for_hub = false;

    // sockets
    std::vector<ListenAddress> listen_addresses;
    std::string socket_protocol = "uwsgi";    // what `socket` speaks; resolved into the addresses
    std::vector<std::string> shared_sockets;  // addresses; `=N` in a listening one names the N-th
    bool skip_zero = false;                   // standard input is no socket, whatever it is
    int listen = 1024;                        // backlog
    bool thunder_lock = false;
    bool reuse_port = false;
    std::string chmod_socket;  // octal text; empty: umask decides
    std::string chown_socket;  // owner[:group]

    // HTTP limits, one set for every way in
    std::uint32_t buffer_size = 32768;               // bytes of one request head
    std::uint32_t http_max_headers = 200;            // fields of one head
    std::uint32_t http_max_chunk_extension = 16384;  // bytes, all chunks of one body together
    std::uint32_t http_max_trailer = 8192;           // bytes behind a chunked body
    std::uint64_t limit_post = 0;                    // bytes of one body; 0: no limit
    std::uint32_t post_buffering = 65536;     // bytes of body awaited before the app is called
    std::uint32_t response_buffer = 1048576;  // answer bytes kept for a slow reader
    Milliseconds http_header_timeout{30000};  // whole head, from its first byte
    Milliseconds http_body_timeout{60000};    // longest silence inside a body
    Milliseconds http_body_total_timeout{3600000};  // waiting for one body, altogether; 0: no limit
    std::uint32_t http_min_rate = 500;      // bytes a second of a slow client, beyond those limits
    Milliseconds http_keepalive{75000};     // idle time of a kept connection; 0: no keep-alive
    Milliseconds http_send_timeout{60000};  // longest time without progress while sending

    // WebSockets, of WSGI apps by uWSGI's calls and of ASGI apps
    std::uint32_t websocket_max_size = 16384;      // KiB of one message
    Milliseconds websocket_ping_freq{30000};       // 0: no pings
    Milliseconds websocket_pong_tolerance{20000};  // longest wait for the answer to one
    bool websocket_deflate = true;                 // permessage-deflate, where clients offer it

    // fronts: the processes that serve `http`
    int http_processes = 0;           // resolved by load(): 0 stands for automatic before it
    std::uint32_t http_queue = 1000;  // requests that wait for a worker, in each of them
    Milliseconds http_queue_timeout{30000};
    std::string http_retry = "safe";                // after a worker's death: queued, safe or off
    std::uint64_t request_buffer_max = 67108864;    // bytes of a body kept before the app is called
    std::uint64_t response_buffer_max = 268435456;  // bytes of an answer in a file, for its reader
    bool front_seccomp = true;
    std::string http_uid;  // name or number; empty: as uid, or nobody
    std::string http_gid;

    // HTTPS and HTTP/2, in fronts: see certificate_text.h for what the texts hold
    std::vector<std::string> https;    // the certificates of https addresses, in their order
    std::vector<std::string> sni;      // certificates by name
    std::vector<std::string> sni_dir;  // folders of NAME.crt and NAME.key
    std::string sni_dir_ciphers;
    std::vector<std::string> tls_ocsp;  // files of answers to be stapled
    std::uint32_t ssl_verify_depth = 1;
    std::string tls_min_version = "1.2";
    bool tls_early_data = false;
    Milliseconds ssl_session_timeout{7200000};  // of a ticket
    Milliseconds http_tls_handshake_timeout{10000};
    bool https_export_cert = false;
    Milliseconds hsts{0};                   // 0: no Strict-Transport-Security
    bool http2 = true;                      // offered by ALPN
    bool h2c = false;                       // taken in cleartext
    std::uint32_t http2_max_streams = 100;  // requests of one connection at a time

    // what is believed of proxies before us
    std::vector<std::string> trusted_proxies;  // see net/trusted_proxies.h
    bool forwarded_proto_from_anyone = false;  // X-Forwarded-Proto of everybody, as uWSGI has it
    bool http_enable_proxy_protocol = false;   // PROXY headers on `http` sockets
    bool enable_proxy_protocol = false;        // and on the workers' own that speak HTTP

    // reload
    std::string reload_strategy = "whole";     // whole, roll, chain or stop-start
    int reload_parallel = 1;                   // slots in change at a time (roll, chain)
    std::string reload_check;                  // URI that must answer 200 before a commit
    Milliseconds reload_check_timeout{10000};  // for its answer
    Milliseconds reload_confirm{10000};        // the old zygote stays so long

    // stopping
    Milliseconds drain_delay{0};              // answering, though no longer ready, before a stop
    Milliseconds stop_mercy{8000};            // graceful stop, whole
    Milliseconds reload_mercy{8000};          // a singleton that was told to leave
    Milliseconds worker_reload_mercy{60000};  // a retiring worker's last request

    // what reloads, besides signals and commands
    std::vector<std::string> touch_reload;  // paths, like all of these
    std::vector<std::string> touch_workers_reload;
    std::vector<std::string> touch_chain_reload;
    std::vector<std::string> touch_logreopen;
    std::vector<std::string> fs_reload;
    Milliseconds py_autoreload{0};  // also the time between two looks without inotify; 0: off
    std::vector<std::string> py_autoreload_ignore;  // module names
    std::vector<std::string> master_fifo;

    // log
    bool disable_logging = false;  // no access log
    std::string logto;             // path; empty: standard error
    bool log_json = false;
    std::string log_level = "info";  // debug, info, warning, error

    bool operator==(const Options&) const = default;
};

}  // namespace mew::options
