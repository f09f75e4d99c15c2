// Follows the addresses of the host's interfaces through a routing netlink socket (rtnetlink(7)).

import type { InterfaceAddress } from '../../base/peer.ts';
import {
  type AddressInfo,
  decodeAddress,
  decodeLink,
  decodeMessages,
  encodeDumpRequest,
  type LinkInfo,
  type NetlinkMessage,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
} from '../../wire/netlink.ts';
import {
  AF_NETLINK,
  MSG_DONTWAIT,
  NETLINK_ROUTE,
  RTMGRP_IPV4_IFADDR,
  RTMGRP_IPV6_IFADDR,
  RTMGRP_LINK,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from './sys/constants.ts';
import { must, type Ready } from './sys/epoll.ts';
import { ERRNO, errno, sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** sizeof(struct sockaddr_nl) */
const SOCKADDR_NL_BYTES = 12;
/** The kernel fills at most 32 KiB at once in a dump (linux/netlink.h: NLMSG_GOODSIZE and netlink_dump). */
const RECEIVE_BYTES = 64 * 1024;

/** Opens a socket that is notified of every change of a link or an address. */
export function openRouteSocket(): number {
  const fd = must(sys.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), 'socket');
  const name = new NativeBuffer(SOCKADDR_NL_BYTES);
  name.view.setUint16(0, AF_NETLINK, true);
  name.view.setUint32(8, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, true);
  must(sys.bind(fd, name.address, SOCKADDR_NL_BYTES), 'bind');
  return fd;
}

/** Reports the addresses at the start and after every change. */
export class InterfaceWatch implements Ready {
  readonly #fd: number;
  readonly #onChange: (addresses: readonly InterfaceAddress[]) => void;
  readonly #buffer = new NativeBuffer(RECEIVE_BYTES);
  #links = new Map<number, LinkInfo>();
  #addresses: AddressInfo[] = [];
  #sequence = 0;
  /** The dump in progress. A change that is reported during it makes it stale: it is repeated. */
  #requested: 'links' | 'addresses' | undefined;
  #stale = false;

  constructor(fd: number, onChange: (addresses: readonly InterfaceAddress[]) => void) {
    this.#fd = fd;
    this.#onChange = onChange;
  }

  /** Requests everything. ready() receives the response. */
  start(): void {
    this.#stale = false;
    this.#links = new Map();
    this.#addresses = [];
    this.#request('links', RTM_GETLINK);
  }

  #request(what: 'links' | 'addresses', type: number): void {
    this.#requested = what;
    const request = encodeDumpRequest(type, ++this.#sequence);
    this.#buffer.u8.set(request);
    must(sys.send(this.#fd, this.#buffer.address, request.length, 0), 'send');
  }

  ready(): void {
    for (;;) {
      const count = sys.recv(this.#fd, this.#buffer.address, RECEIVE_BYTES, MSG_DONTWAIT);
      if (count < 0) {
        // ENOBUFS: the kernel dropped notifications. Dump everything again.
        if (errno() === ERRNO['ENOBUFS']) this.#stale = true;
        else break;
      } else {
        for (const message of decodeMessages(this.#buffer.u8.subarray(0, count))) this.#take(message);
      }
    }
    if (this.#stale && this.#requested === undefined) this.start();
  }

  #take(message: NetlinkMessage): void {
    if (message.sequence !== this.#sequence || this.#requested === undefined) {
      this.#stale = true;
      return;
    }
    if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
      this.#answered();
    } else if (message.type === RTM_NEWLINK) {
      const link = decodeLink(message.payload);
      if (link) this.#links.set(link.index, link);
    } else if (message.type === RTM_NEWADDR) {
      const address = decodeAddress(message.payload);
      if (address) this.#addresses.push(address);
    }
  }

  #answered(): void {
    if (this.#requested === 'links') {
      this.#request('addresses', RTM_GETADDR);
      return;
    }
    this.#requested = undefined;
    if (!this.#stale) this.#onChange(this.#addresses.map((info) => this.#complete(info)));
  }

  #complete({ address, prefix, index }: AddressInfo): InterfaceAddress {
    const link = this.#links.get(index);
    return {
      address,
      prefix,
      interfaceIndex: index,
      up: link?.up ?? true,
      loopback: link?.loopback ?? false,
      pointToPoint: link?.pointToPoint ?? false,
    };
  }
}
