-- Run once by PostgreSQL's image, when its volume is new; the operations database is made by the image itself.
CREATE DATABASE lake OWNER pipeline;
