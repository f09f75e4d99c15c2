/*
 * A command line for libtirpc's port mapper calls: one call per run, one line of output per answer.
 *
 * Exit status: 0 the call was answered with success, 1 it failed or was refused, 2 wrong usage.
 */

#include <arpa/inet.h>
#include <netconfig.h>
#include <netinet/in.h>
#include <rpc/pmap_clnt.h>
#include <rpc/pmap_prot.h>
#include <rpc/rpc.h>
#include <rpc/rpcb_clnt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { USAGE = 2 };

static const struct timeval patience = {5, 0};

static int usage(void);

static rpcprog_t number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || value > UINT32_MAX)
		exit(usage());
	return (rpcprog_t)value;
}

static int protocol(const char *name)
{
	if (strcmp(name, "udp") == 0)
		return IPPROTO_UDP;
	if (strcmp(name, "tcp") == 0)
		return IPPROTO_TCP;
	exit(usage());
}

static struct sockaddr_in ipv4(const char *host, unsigned port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		exit(usage());
	return address;
}

static struct netconfig *transport(const char *netid)
{
	struct netconfig *found = getnetconfigent(netid);

	if (found == NULL) {
		fprintf(stderr, "no transport %s in /etc/netconfig\n", netid);
		exit(USAGE);
	}
	return found;
}

static int done(const char *call, bool_t yes)
{
	printf("%s %d\n", call, yes ? 1 : 0);
	return yes ? 0 : 1;
}

/* clnt_spcreateerror(3) has the reason of a failed lookup. */
static int refused(const char *call)
{
	printf("%s%s\n", call, clnt_spcreateerror(""));
	return 1;
}

static int do_pmap_set(char **arg)
{
	return done("pmap_set", pmap_set(number(arg[0]), number(arg[1]), protocol(arg[2]), (int)number(arg[3])));
}

static int do_pmap_unset(char **arg)
{
	return done("pmap_unset", pmap_unset(number(arg[0]), number(arg[1])));
}

static int do_pmap_getport(char **arg)
{
	struct sockaddr_in server = ipv4(arg[0], PMAPPORT);
	u_short port = pmap_getport(&server, number(arg[1]), number(arg[2]), (u_int)protocol(arg[3]));

	if (port == 0)
		return refused("pmap_getport");
	printf("pmap_getport %u\n", port);
	return 0;
}

static int do_pmap_getmaps(char **arg)
{
	struct sockaddr_in server = ipv4(arg[0], PMAPPORT);

	for (struct pmaplist *entry = pmap_getmaps(&server); entry != NULL; entry = entry->pml_next)
		printf("pmap_getmaps %lu %lu %s %lu\n", entry->pml_map.pm_prog, entry->pml_map.pm_vers,
		       entry->pml_map.pm_prot == IPPROTO_UDP ? "udp" : "tcp", entry->pml_map.pm_port);
	return 0;
}

static int do_rpcb_set(char **arg)
{
	struct netconfig *netconf = transport(arg[0]);
	struct netbuf *address = uaddr2taddr(netconf, arg[3]);

	if (address == NULL)
		return usage();
	return done("rpcb_set", rpcb_set(number(arg[1]), number(arg[2]), netconf, address));
}

/* "-" means every transport. */
static int do_rpcb_unset(char **arg)
{
	struct netconfig *netconf = strcmp(arg[0], "-") == 0 ? NULL : transport(arg[0]);

	return done("rpcb_unset", rpcb_unset(number(arg[1]), number(arg[2]), netconf));
}

static int do_rpcb_getaddr(char **arg)
{
	struct sockaddr_storage space;
	struct netbuf address = {.maxlen = sizeof space, .buf = &space};
	struct netconfig *netconf = transport(arg[0]);

	if (!rpcb_getaddr(number(arg[2]), number(arg[3]), netconf, &address, arg[1]))
		return refused("rpcb_getaddr");
	printf("rpcb_getaddr %s\n", taddr2uaddr(netconf, &address));
	return 0;
}

static int do_rpcb_getmaps(char **arg)
{
	rpcblist_ptr entry = rpcb_getmaps(transport(arg[0]), arg[1]);

	for (; entry != NULL; entry = entry->rpcb_next)
		printf("rpcb_getmaps %u %u %s %s %s\n", entry->rpcb_map.r_prog, entry->rpcb_map.r_vers,
		       entry->rpcb_map.r_netid, entry->rpcb_map.r_addr, entry->rpcb_map.r_owner);
	return 0;
}

static int do_rpcb_gettime(char **arg)
{
	/* libtirpc writes only the low 32 bits. */
	time_t now = 0;

	if (!rpcb_gettime(arg[0], &now))
		return refused("rpcb_gettime");
	printf("rpcb_gettime %lld\n", (long long)now);
	return 0;
}

/* Calls procedure 0 of the service, which it looks up with the port mapper. */
static int do_null(char **arg)
{
	CLIENT *client = clnt_create(arg[1], number(arg[2]), number(arg[3]), arg[0]);
	enum clnt_stat answer;

	if (client == NULL)
		return refused("null");
	answer = clnt_call(client, NULLPROC, (xdrproc_t)xdr_void, NULL, (xdrproc_t)xdr_void, NULL, patience);
	printf("null %s\n", clnt_sperrno(answer));
	return answer == RPC_SUCCESS ? 0 : 1;
}

static void answer_null(struct svc_req *request, SVCXPRT *port)
{
	if (request->rq_proc == NULLPROC)
		svc_sendreply(port, (xdrproc_t)xdr_void, NULL);
	else
		svcerr_noproc(port);
}

/* A service of libtirpc: it registers a port that the kernel assigns, and answers until it is killed. */
static int do_serve(char **arg)
{
	struct netconfig *netconf = transport(arg[0]);
	SVCXPRT *port = svc_tli_create(RPC_ANYFD, netconf, NULL, 0, 0);

	if (port == NULL || !svc_reg(port, number(arg[1]), number(arg[2]), answer_null, netconf))
		return done("serve", FALSE);
	printf("serve 1\n");
	fflush(stdout);
	svc_run();
	return 1;
}

/* Binds a port and holds it until it is killed, so that registrations of it are not dropped. */
static int do_hold(char **arg)
{
	int stream = protocol(arg[0]) == IPPROTO_TCP;
	int held = socket(AF_INET, stream ? SOCK_STREAM : SOCK_DGRAM, 0);
	struct sockaddr_in address = ipv4("0.0.0.0", number(arg[1]));

	if (bind(held, (struct sockaddr *)&address, sizeof address) != 0 || (stream && listen(held, 1) != 0)) {
		perror("hold");
		return 1;
	}
	printf("hold 1\n");
	fflush(stdout);
	for (;;)
		pause();
}

static const struct command {
	const char *name;
	const char *arguments;
	int count;
	int (*call)(char **arg);
} commands[] = {
	{"pmap_set", "PROG VERS PROTO PORT", 4, do_pmap_set},
	{"pmap_unset", "PROG VERS", 2, do_pmap_unset},
	{"pmap_getport", "HOST PROG VERS PROTO", 4, do_pmap_getport},
	{"pmap_getmaps", "HOST", 1, do_pmap_getmaps},
	{"rpcb_set", "NETID PROG VERS UADDR", 4, do_rpcb_set},
	{"rpcb_unset", "NETID|- PROG VERS", 3, do_rpcb_unset},
	{"rpcb_getaddr", "NETID HOST PROG VERS", 4, do_rpcb_getaddr},
	{"rpcb_getmaps", "NETID HOST", 2, do_rpcb_getmaps},
	{"rpcb_gettime", "HOST", 1, do_rpcb_gettime},
	{"null", "NETID HOST PROG VERS", 4, do_null},
	{"serve", "NETID PROG VERS", 3, do_serve},
	{"hold", "PROTO PORT", 2, do_hold},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static int usage(void)
{
	for (int i = 0; i < COMMANDS; i++)
		fprintf(stderr, "tirpc-client %s %s\n", commands[i].name, commands[i].arguments);
	return USAGE;
}

int main(int argc, char **argv)
{
	for (int i = 0; argc > 1 && i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0 && argc - 2 == commands[i].count)
			return commands[i].call(argv + 2);
	return usage();
}
