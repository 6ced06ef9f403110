"""What `bench/run` and the probes are made of; only the standard library is used.

servers   the rows of the table: which servers, how each is started
install   the peers' environment and the compiled floors
launch    where things lie, the environment, the start of a row
process   one server as a tree of processes: start, CPU time, end
wrk       the load and what it counted
client    exactly so many requests, for the probes and to see who waits
machine   cores, and how busy others kept them meanwhile
report    medians, ratios, the table and the JSON
main      the command line and the rounds
callgrind, instructions, syscalls    the probes of one request's price
neighbours, mixed, uwsgi_nginx, idle, flat, fairness, slow, preloaded, quiet, reloads, kills,
front_kills
  the probes of whole situations, and of these:
  askers, numbered, slow_clients, steady    their clients
  nginx, status, memory, roles, activity, django_site   what they start, ask and read
  versions, victims, restless, blame   what they change and kill, and who is to blame
  rows, columns           what they choose from and print
"""
