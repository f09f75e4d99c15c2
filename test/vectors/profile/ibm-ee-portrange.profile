PORTRANGE 12000 5 UDP NET ; Enterprise Extender
