#include "master/state.h"

#include <concepts>
#include <type_traits>

#include "base/format.h"
#include "base/packing.h"
#include "os/memory_file.h"

// One list of fields for each struct, walked by whoever writes, reads or collects descriptors: so
// they cannot come apart.

namespace mew::master::state {
namespace {

constexpr std::uint64_t kMagic = 0x4d45575354415445;  // "MEWSTATE"
constexpr std::size_t kLimit = std::size_t{256} << 20;

template <class Walk>
void fields(Walk& walk, Deadline& d) {
    walk(d.running, d.due, d.missed, d.of_start);
}
template <class Walk>
void fields(Walk& walk, Respawn& r) {
    walk(r.waiting, r.delay);
}
template <class Walk>
void fields(Walk& walk, Slot& s) {
    walk(s.wanted, s.respawn);
}
template <class Walk>
void fields(Walk& walk, Worker& w) {
    walk(w.place, w.slot, w.incarnation, w.preloaded, w.start_limit, w.phase, w.pid, w.control);
    walk(w.build_id, w.started, w.requests_before, w.cut, w.was_ready, w.served, w.late);
    walk(w.told_to_end, w.killed_because, w.doing_when_killed, w.failed, w.failed_status);
    walk(w.failed_why, w.deadline);
}
template <class Walk>
void fields(Walk& walk, Zygote& z) {
    walk(z.reserve, z.order, z.phase, z.pid, z.control, z.build_id, z.started, z.was_ready);
    walk(z.failure_status, z.failure_text, z.deadline);
}
template <class Walk>
void fields(Walk& walk, Generation& g) {
    walk(g.number, g.phase, g.committed, g.loaded, g.interpreter_path, g.interpreter_reason);
    walk(g.interpreter_version, g.board, g.zygotes, g.reserve_respawn, g.zygote_comes);
    walk(g.fell_back, g.zygote_outdated, g.workers, g.slots);
    walk(g.worn, g.substitution);
}
template <class Walk>
void fields(Walk& walk, Task& t) {
    walk(t.number, t.generation, t.order, t.phase, t.pid, t.control, t.build_id, t.started);
    walk(t.told_to_serve, t.told_to_end, t.returned, t.how, t.why, t.killed_because, t.deadline);
}
template <class Walk>
void fields(Walk& walk, Singleton& s) {
    walk(s.name, s.number, s.task, s.respawn, s.starts, s.deaths);
}
template <class Walk>
void fields(Walk& walk, Singletons& s) {
    walk(s.places, s.has_source, s.last_order, s.mercy);
}
template <class Walk>
void fields(Walk& walk, WatchedFiles& f) {
    walk(f.generation, f.slot, f.list);
}
template <class Walk>
void fields(Walk& walk, Watcher& w) {
    walk(w.pid, w.files);
}
template <class Walk>
void fields(Walk& walk, CertificateFact& f) {
    walk(f.source, f.names, f.expires);
}
template <class Walk>
void fields(Walk& walk, Certificates& c) {
    walk(c.memory, c.keys, c.rotation_due, c.watcher, c.facts, c.paths, c.trouble);
}
template <class Walk>
void fields(Walk& walk, Fifo& f) {
    walk(f.path, f.fd);
}
template <class Walk>
void fields(Walk& walk, Count& c) {
    walk(c.name, c.count);
}
template <class Walk>
void fields(Walk& walk, Front& f) {
    walk(f.number, f.incarnation, f.phase, f.pid, f.control, f.build_id, f.started);
    walk(f.requests_before, f.was_ready, f.told_to_end, f.killed_because, f.deadline);
}
template <class Walk>
void fields(Walk& walk, FrontSet& s) {
    walk(s.loaded, s.board, s.fronts, s.served, s.retiring);
}
template <class Walk>
void fields(Walk& walk, FrontCounts& c) {
    walk(c.deaths, c.counts);
}
template <class Walk>
void fields(Walk& walk, Fronts& f) {
    walk(f.sets, f.carried, f.last_incarnation);
}
template <class Walk>
void fields(Walk& walk, Deaths& d) {
    walk(d.by_role, d.by_cause, d.oom_kills);
}
template <class Walk>
void fields(Walk& walk, Listener& l) {
    walk(l.fd, l.more_fds, l.slot_fds, l.backlog, l.protocol, l.option, l.address, l.unix_socket);
    walk(l.server_name, l.server_port, l.path, l.inherited, l.giver);
}
template <class Walk>
void fields(Walk& walk, Client& c) {
    walk(c.fd, c.asked, c.answered, c.line, c.rest);
}
template <class Walk>
void fields(Walk& walk, Log& l) {
    walk(l.path, l.json, l.colour, l.level, l.events, l.pipe_read, l.pipe_write, l.logger);
    walk(l.logger_started, l.replacing, l.dropped);
}
template <class Walk>
void fields(Walk& walk, Stranger& s) {
    walk(s.pid, s.wait_status, s.peak_kib, s.when);
}
template <class Walk>
void fields(Walk& walk, Passed& p) {
    walk(p.fd, p.giver);
}
template <class Walk>
void fields(Walk& walk, Program& p) {
    walk(p.version, p.build_id, p.path, p.package_dir, p.arguments, p.environment, p.inherited);
}
template <class Walk>
void fields(Walk& walk, os::Identity& i) {
    walk(i.uid, i.gid, i.groups, i.user);
}
template <class Walk>
void fields(Walk& walk, Whole& w) {
    walk(w.master_pid, w.program, w.started, w.python_version, w.started_with, w.identity);
    walk(w.listeners, w.gate, w.bell, w.handover_near, w.handover_far, w.log, w.pidfile_path);
    walk(w.pidfile, w.commands, w.clients, w.strangers, w.deaths, w.watcher, w.certificates,
         w.fifos);
    walk(w.fronts, w.singletons, w.served, w.reload_wish, w.confirm_due);
    walk(w.last_generation, w.generations);
}

template <class T>
concept Number = std::integral<T> || std::is_enum_v<T>;

class Put {
public:
    template <class... Fields>
    void operator()(Fields&... all) {
        (one(all), ...);
    }
    const std::string& bytes() const { return writer_.bytes(); }
    base::Writer& writer() { return writer_; }

private:
    template <Number T>
    void one(T& value) {
        writer_.number(value);
    }
    void one(std::string& value) { writer_.text(value); }
    void one(Descriptor& value) { writer_.number(value.fd); }
    void one(base::Milliseconds& value) { writer_.number(value.count()); }
    void one(base::MonotonicTime& value) { writer_.number(value.time_since_epoch().count()); }
    void one(options::Loaded& value) { writer_.text(options::encode_block(value)); }
    template <class T>
    void one(std::optional<T>& value) {
        writer_.number(value.has_value());
        if (value) one(*value);
    }
    template <class T>
    void one(std::vector<T>& list) {
        writer_.number(list.size());
        for (T& entry : list) one(entry);
    }
    template <class T>
    void one(T& value) {
        fields(*this, value);
    }

    base::Writer writer_;
};

class Take {
public:
    explicit Take(const std::string& bytes) : reader_(bytes) {}
    template <class... Fields>
    void operator()(Fields&... all) {
        (one(all), ...);
    }
    base::Reader& reader() { return reader_; }
    std::string options_trouble;

private:
    template <Number T>
    void one(T& value) {
        reader_.number(value);
    }
    void one(std::string& value) { reader_.text(value); }
    void one(Descriptor& value) { reader_.number(value.fd); }
    void one(base::Milliseconds& value) {
        value = base::Milliseconds(static_cast<std::int64_t>(reader_.wide()));
    }
    void one(base::MonotonicTime& value) {
        value = base::MonotonicTime(
            base::MonotonicTime::duration(static_cast<std::int64_t>(reader_.wide())));
    }
    void one(options::Loaded& value) {
        std::string block;
        reader_.text(block);
        auto loaded = options::decode_block(block);
        if (!loaded) {
            if (reader_.ok()) options_trouble = loaded.error().text;
            return reader_.refuse();
        }
        value = std::move(*loaded);
    }
    template <class T>
    void one(std::optional<T>& value) {
        if (reader_.wide() != 0 && reader_.ok()) one(value.emplace());
    }
    template <class T>
    void one(std::vector<T>& list) {
        for (std::uint64_t left = reader_.wide(); left > 0 && reader_.ok(); --left)
            one(list.emplace_back());
    }
    template <class T>
    void one(T& value) {
        fields(*this, value);
    }

    base::Reader reader_;
};

class Collect {
public:
    template <class... Fields>
    void operator()(Fields&... all) {
        (one(all), ...);
    }
    std::vector<int> found;

private:
    void one(Descriptor& value) {
        if (value.fd >= 0) found.push_back(value.fd);
    }
    template <class T>
    void one(std::optional<T>& value) {
        if (value) one(*value);
    }
    template <class T>
    void one(std::vector<T>& list) {
        for (T& entry : list) one(entry);
    }
    template <Number T>
    void one(T&) {}
    void one(std::string&) {}
    void one(base::Milliseconds&) {}
    void one(base::MonotonicTime&) {}
    void one(options::Loaded&) {}
    template <class T>
    void one(T& value) {
        fields(*this, value);
    }
};

base::Unexpected<base::Error> does_not_fit(const std::string& what) {
    return base::fail("the installed mewsgi cannot take over from the one that runs: " + what +
                      "; stop the server and start it to change over");
}

}  // namespace

std::string encode(const Whole& whole, const control::Layouts& layouts) {
    Put put;
    put.writer().number(kMagic).number(kStateVersion);
    control::write_layouts(put.writer(), layouts);
    Whole copy = whole;  // a walk changes what it visits, for a reader's sake
    fields(put, copy);
    return put.bytes();
}

base::Result<Whole> decode(const std::string& bytes) {
    const auto damaged = [] {
        return base::fail(
            "the state is damaged: it is written by a master that is upgraded, not meant to be "
            "given by hand");
    };
    Take take(bytes);
    if (take.reader().wide() != kMagic) return damaged();
    const std::uint64_t version = take.reader().wide();
    if (take.reader().ok() && version != kStateVersion)
        return does_not_fit(
            base::format("its state has version {}, this one reads {}", version, kStateVersion));
    control::Layouts layouts;
    control::read_layouts(take.reader(), layouts);
    if (!take.reader().ok()) return damaged();
    const std::string differs = control::difference(layouts, control::own_layouts());
    if (!differs.empty()) return does_not_fit("they lay out differently: " + differs);
    Whole whole;
    fields(take, whole);
    if (!take.options_trouble.empty()) return does_not_fit(take.options_trouble);
    if (!take.reader().at_end()) return damaged();
    return whole;
}

base::Result<os::Fd> write(const Whole& whole) {
    const std::string bytes = encode(whole);
    if (bytes.size() > kLimit) return base::fail("the state of the master is too large to hand on");
    return os::make_constant_memory("mewsgi-state", bytes);
}

base::Result<Whole> read(int fd) {
    auto bytes = os::read_constant_memory(fd, kLimit);
    if (!bytes) return std::move(bytes).failure();
    return decode(*bytes);
}

std::vector<int> descriptors_of(const Whole& whole) {
    Whole copy = whole;
    Collect collect;
    fields(collect, copy);
    return std::move(collect.found);
}

}  // namespace mew::master::state
