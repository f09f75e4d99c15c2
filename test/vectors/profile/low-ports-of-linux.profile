; No setting for low ports.
PORT 80 TCP WEB
