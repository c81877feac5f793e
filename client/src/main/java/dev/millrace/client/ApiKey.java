package dev.millrace.client;

import io.grpc.Metadata;

/**
 * Shows a server who calls. Its text is in no string that is made of it, so it isn't logged with
 * the settings that it is part of.
 */
public record ApiKey(String text) {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  public ApiKey {
    if (text.isEmpty() || !text.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
      throw new IllegalArgumentException(
          "an API key must be printable ASCII characters without spaces");
    }
  }

  Metadata headers() {
    Metadata headers = new Metadata();
    headers.put(AUTHORIZATION, "Bearer " + text);
    return headers;
  }

  @Override
  public String toString() {
    return "ApiKey";
  }
}
