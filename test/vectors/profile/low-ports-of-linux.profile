; Nothing is said of low ports.
PORT 80 TCP WEB
