PORT
  8080 TCP WEB.A*
  8081 TCP systemd-resolved
  8082 TCP A$B
