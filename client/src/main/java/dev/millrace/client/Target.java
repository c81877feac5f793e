package dev.millrace.client;

import java.util.Arrays;
import java.util.List;

/** Where a server listens. */
public record Target(String host, int port) {
  /** Targets of one client at most. */
  public static final int MOST = 64;

  private static final String FORM = "a target is HOST:PORT, as in localhost:9090 or [::1]:9090";

  public Target {
    if (host.isEmpty()) {
      throw new IllegalArgumentException(FORM + "; the host is missing");
    }
    if (port < 1 || port > 65535) {
      throw new IllegalArgumentException(FORM + "; port " + port + " is not in 1..65535");
    }
  }

  /** Reads {@code HOST:PORT}; an IPv6 address stands in brackets. */
  public static Target parse(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 0) {
      throw new IllegalArgumentException(FORM + "; '" + text + "' has no port");
    }
    String host = text.substring(0, colon).strip();
    boolean bracketed = host.startsWith("[") && host.endsWith("]");
    if (bracketed) {
      host = host.substring(1, host.length() - 1);
    } else if (host.indexOf(':') >= 0) {
      throw new IllegalArgumentException(FORM + "; '" + text + "' has an address without brackets");
    }
    try {
      return new Target(host, Integer.parseInt(text.substring(colon + 1).strip()));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(FORM + "; the port of '" + text + "' is no number", e);
    }
  }

  /** Reads targets between commas. */
  public static List<Target> parseAll(String text) {
    return Arrays.stream(text.split(",", -1)).map(Target::parse).toList();
  }

  @Override
  public String toString() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
