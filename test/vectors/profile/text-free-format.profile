; PORT 8080 TCP RESERVED
PORT 8080 ; the number
  tcp     ; the protocol
    Web
  8081 TCP DB ; PORT 8082 TCP RESERVED
      ;
Port 8083 Udp wEb noAutolog
