#pragma once
// The state: all that the master knows, as plain values, written down by a master that is upgraded
// and read by the program that takes its place (master/upgrade, master/adopt). What the kernel
// keeps for a process over an exec is here by its number: descriptors and pids.
//
// A field that is added is a new kStateVersion: the reader must know both, since the writer is the
// build before. States of machines go by name, so that an enum may grow.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/layouts.h"
#include "net/protocol.h"
#include "options/load.h"
#include "os/fd.h"
#include "os/users.h"

namespace mew::master::state {

inline constexpr std::uint32_t kStateVersion = 3;

// A descriptor that the next program shall find under the same number; below zero: there is none.
struct Descriptor {
    int fd = -1;
};

struct Deadline {
    bool running = false;
    base::MonotonicTime due;
    std::string missed;     // what is said when it is over
    bool of_start = false;  // a worker's: to become ready
};

struct Respawn {
    bool waiting = false;
    base::Milliseconds delay{0};
};

struct Slot {
    bool wanted = false;
    Respawn respawn;
};

struct Worker {
    enum class Place : std::uint8_t { slot, coming, leaving };  // the last two: master/substitution
    Place place = Place::slot;
    std::uint32_t slot = 0;
    std::uint64_t incarnation = 0;
    bool preloaded = true;
    base::Milliseconds start_limit{0};
    std::string phase;
    std::int32_t pid = 0;
    Descriptor control;
    std::uint64_t build_id = 0;
    base::MonotonicTime started;
    std::uint64_t requests_before = 0;
    std::uint64_t cut = 0;
    bool was_ready = false;
    bool served = false;
    bool late = false;
    bool told_to_end = false;
    std::string killed_because;
    std::string doing_when_killed;
    bool failed = false;
    std::uint64_t failed_status = 0;
    std::string failed_why;
    Deadline deadline;
};

struct Zygote {
    bool reserve = false;
    std::uint64_t order = 0;
    std::string phase;
    std::int32_t pid = 0;
    Descriptor control;
    std::uint64_t build_id = 0;
    base::MonotonicTime started;
    bool was_ready = false;
    std::int32_t failure_status = 0;
    std::string failure_text;
    Deadline deadline;
};

struct Generation {
    std::uint32_t number = 0;
    std::string phase;
    bool committed = false;
    options::Loaded loaded;
    std::string interpreter_path;
    std::string interpreter_reason;
    std::string interpreter_version;
    Descriptor board;
    std::vector<Zygote> zygotes;  // itself, its reserve; each may be missing
    Respawn reserve_respawn;
    bool zygote_comes = false;  // another is about to be started
    bool fell_back = false;
    bool zygote_outdated = false;
    std::vector<Worker> workers;
    std::vector<Slot> slots;  // by slot - 1
    std::vector<std::uint32_t> worn;
    Respawn substitution;
};

// The process that runs a singleton (master/singleton), and its place (master/singletons).
struct Task {
    std::uint32_t number = 0;
    std::uint32_t generation = 0;
    std::uint64_t order = 0;
    std::string phase;
    std::int32_t pid = 0;
    Descriptor control;
    std::uint64_t build_id = 0;
    base::MonotonicTime started;
    bool told_to_serve = false;
    bool told_to_end = false;
    bool returned = false;
    std::string how;
    std::string why;
    std::string killed_because;
    Deadline deadline;
};

struct Singleton {
    std::string name;
    std::uint32_t number = 0;
    std::optional<Task> task;
    Respawn respawn;
    std::uint64_t starts = 0;
    std::uint64_t deaths = 0;
};

struct Singletons {
    std::vector<Singleton> places;
    bool has_source = false;  // the committed generation
    std::uint64_t last_order = 0;
    base::Milliseconds mercy{0};
};

// A front process (master/front_handle), its set, and all of them (master/fronts).
struct Front {
    std::uint32_t number = 0;
    std::uint64_t incarnation = 0;
    std::string phase;
    std::int32_t pid = 0;
    Descriptor control;
    std::uint64_t build_id = 0;
    base::MonotonicTime started;
    std::uint64_t requests_before = 0;
    bool was_ready = false;
    bool told_to_end = false;
    std::string killed_because;
    Deadline deadline;
};

struct FrontSet {
    options::Loaded loaded;
    Descriptor board;
    std::vector<Front> fronts;
    bool served = false;
    bool retiring = false;
};

struct Count {
    std::string name;
    std::uint64_t count = 0;
};

struct FrontCounts {
    std::uint64_t deaths = 0;
    std::vector<Count> counts;
};

struct Fronts {
    std::vector<FrontSet> sets;  // oldest first
    std::vector<FrontCounts> carried;
    std::uint64_t last_incarnation = 0;
};

// Lists of modules, as zygotes and workers sent them (master/watcher_handle).
struct WatchedFiles {
    std::uint32_t generation = 0;
    std::uint32_t slot = 0;
    Descriptor list;
};

struct Watcher {
    std::int32_t pid = 0;
    std::vector<WatchedFiles> files;
};

struct CertificateFact {
    std::string source;
    std::string names;
    std::int64_t expires = 0;
};

// What fronts serve by TLS (master/certificates).
struct Certificates {
    Descriptor memory;
    std::string keys;
    base::MonotonicTime rotation_due;
    Watcher watcher;
    std::vector<CertificateFact> facts;
    std::vector<std::string> paths;
    std::string trouble;
};

struct Fifo {
    std::string path;
    Descriptor fd;
};

struct Deaths {
    std::vector<std::uint64_t> by_role;
    std::vector<Count> by_cause;
    std::uint64_t oom_kills = 0;
};

struct Listener {
    Descriptor fd;
    std::vector<Descriptor> more_fds;
    std::vector<int> slot_fds;
    std::int32_t backlog = 0;
    net::Protocol protocol = net::Protocol::http;
    std::string option;
    std::string address;
    bool unix_socket = false;
    std::string server_name;
    std::string server_port;
    std::string path;
    bool inherited = false;
    std::string giver;
};

// One who asked the command socket, and waits or is still being answered.
struct Client {
    Descriptor fd;
    bool asked = false;  // and not answered: waits for the outcome of the upgrade
    bool answered = false;
    std::string line;  // of a question, so far
    std::string rest;  // of an answer
};

struct Log {
    std::string path;
    bool json = false;
    bool colour = false;
    std::uint8_t level = 0;
    Descriptor events;
    Descriptor pipe_read;
    Descriptor pipe_write;
    std::int32_t logger = 0;
    base::MonotonicTime logger_started;
    bool replacing = false;
    std::uint64_t dropped = 0;
};

// The end of a process that nobody has asked for yet (master/children).
struct Stranger {
    std::int32_t pid = 0;
    std::int32_t wait_status = 0;
    std::uint64_t peak_kib = 0;
    base::MonotonicTime when;
};

struct Passed {
    std::int32_t fd = -1;
    std::string giver;
};

struct Program {
    std::string version;
    std::uint64_t build_id = 0;
    std::string path;
    std::string package_dir;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::vector<Passed> inherited;
};

struct Whole {
    std::int32_t master_pid = 0;
    Program program;
    base::MonotonicTime started;
    std::string python_version;
    options::Loaded started_with;
    std::optional<os::Identity> identity;
    std::vector<Listener> listeners;
    Descriptor gate;
    Descriptor bell;
    Descriptor handover_near;
    Descriptor handover_far;
    Log log;
    std::string pidfile_path;
    Descriptor pidfile;
    Descriptor commands;
    std::vector<Client> clients;
    std::vector<Stranger> strangers;
    Deaths deaths;
    Watcher watcher;
    Certificates certificates;
    std::vector<Fifo> fifos;
    Fronts fronts;
    Singletons singletons;
    bool served = false;
    std::string reload_wish;  // strategy of the reload that follows; empty: the configured one
    std::optional<base::MonotonicTime> confirm_due;
    std::uint32_t last_generation = 0;
    std::vector<Generation> generations;  // oldest first
};

std::string encode(const Whole& whole, const control::Layouts& layouts = control::own_layouts());
// Refuses what this build cannot take over, with a sentence that says what to do.
base::Result<Whole> decode(const std::string& bytes);

base::Result<os::Fd> write(const Whole& whole);  // sealed memory
base::Result<Whole> read(int fd);

// Every descriptor that the state names, without the state's own.
std::vector<int> descriptors_of(const Whole& whole);

}  // namespace mew::master::state
