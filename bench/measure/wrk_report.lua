-- wrk's own totals as one line of JSON, since its printed report rounds them.
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\nREPORT {"requests":%d,"microseconds":%d,"connect":%d,"read":%d,"write":%d,' ..
        '"timeout":%d,"status":%d,"p50":%d,"p99":%d,"max":%d}\n',
        summary.requests, summary.duration, errors.connect, errors.read, errors.write,
        errors.timeout, errors.status, latency:percentile(50), latency:percentile(99), latency.max))
end
