package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.millrace.kernel.Numerics;
import dev.millrace.request.InvalidRequestException.Kind;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerationStarted;
import dev.millrace.v1.StopCriteria;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;

/**
 * What a server hands out with GenerationStarted so that any other one can go on: which weights and
 * numerics, which request, when it came, and what was decided for it on admission. Nothing of the
 * first server's state is needed.
 *
 * <p>A token comes back through the caller's hands, so what it says is checked like any other
 * request: forging one gains nothing that asking openly wouldn't.
 *
 * <p>Layout, big-endian: version (1 byte), numerics (4), when it was begun: seconds since 1970 (8)
 * and of the offset from UTC (4), SHA-256 of the weights' fingerprint (32), SHA-256 of the request
 * (32), SHA-256 of all the rest, cut to 8 (8), then a serialized GenerationStarted that holds what
 * was decided.
 *
 * @param numerics what fixes the bits but for the weights, {@link Numerics#of}
 * @param begun by the first server's clock, to the second: the date that a chat template tells
 * @param model digest of the weights' fingerprint
 * @param request digest of the request but for its resume field
 * @param decided the request's id, seed, sampling parameters and max_tokens in force
 */
record ResumeToken(
    int numerics,
    OffsetDateTime begun,
    ByteString model,
    ByteString request,
    GenerationStarted decided) {
  private static final byte VERSION = 2;
  private static final int DIGEST_BYTES = 32;
  private static final int CHECK_BYTES = 8;
  private static final int DIGESTS_FROM = 1 + Integer.BYTES + Long.BYTES + Integer.BYTES;
  private static final int HEAD_BYTES = DIGESTS_FROM + 2 * DIGEST_BYTES + CHECK_BYTES;
  private static final String FIELD = "resume.token";

  /**
   * @param started what the caller is told, in full
   */
  static ResumeToken of(
      GenerateRequest request,
      OffsetDateTime begun,
      GenerationStarted started,
      ModelProfile model) {
    // What the request itself says needn't be said again: its digest vouches for it.
    GenerationStarted decided =
        GenerationStarted.newBuilder()
            .setRequestId(started.getRequestId())
            .setEffectiveSampling(started.getEffectiveSampling().toBuilder().clearLogitBias())
            .setEffectiveStop(
                StopCriteria.newBuilder().setMaxTokens(started.getEffectiveStop().getMaxTokens()))
            .build();
    return new ResumeToken(
        model.numerics(), begun, digest(model.fingerprint()), digestOf(request), decided);
  }

  ByteString encode() {
    ByteString body = decided.toByteString();
    byte[] head = new byte[HEAD_BYTES];
    ByteBuffer out = ByteBuffer.wrap(head).put(VERSION).putInt(numerics);
    out.putLong(begun.toEpochSecond()).putInt(begun.getOffset().getTotalSeconds());
    out.put(model.toByteArray()).put(request.toByteArray());
    out.put(check(Arrays.copyOf(head, HEAD_BYTES - CHECK_BYTES), body.toByteArray()));
    return ByteString.copyFrom(head).concat(body);
  }

  /**
   * @throws InvalidRequestException INVALID_ARGUMENT if it isn't a whole token of ours;
   *     FAILED_PRECONDITION if a server made it whose tokens we don't know
   */
  static ResumeToken parse(ByteString bytes) {
    if (bytes.size() < HEAD_BYTES || bytes.size() > Limits.MAX_RESUME_TOKEN_BYTES) {
      throw invalid(
          FIELD, bytes.size() + " bytes are no resume token; give GenerationStarted's back");
    }
    byte[] head = bytes.substring(0, HEAD_BYTES).toByteArray();
    if (head[0] != VERSION) {
      throw new InvalidRequestException(
          Kind.FAILED_PRECONDITION,
          FIELD,
          "has version " + head[0] + "; this server resumes version " + VERSION);
    }
    byte[] body = bytes.substring(HEAD_BYTES).toByteArray();
    int checkFrom = HEAD_BYTES - CHECK_BYTES;
    byte[] expected = check(Arrays.copyOf(head, checkFrom), body);
    if (!Arrays.equals(expected, Arrays.copyOfRange(head, checkFrom, HEAD_BYTES))) {
      throw invalid(FIELD, "is damaged; give GenerationStarted's back as it was");
    }
    try {
      ByteBuffer in = ByteBuffer.wrap(head, 1, DIGESTS_FROM - 1);
      ByteString digests = bytes.substring(DIGESTS_FROM, checkFrom);
      return new ResumeToken(
          in.getInt(),
          Instant.ofEpochSecond(in.getLong()).atOffset(ZoneOffset.ofTotalSeconds(in.getInt())),
          digests.substring(0, DIGEST_BYTES),
          digests.substring(DIGEST_BYTES),
          GenerationStarted.parseFrom(body));
    } catch (InvalidProtocolBufferException | DateTimeException e) {
      throw invalid(FIELD, "is damaged: " + e.getMessage());
    }
  }

  /**
   * The request as it was begun: what was decided then is filled in.
   *
   * @throws InvalidRequestException if it is another request, or was begun on another model or with
   *     other numerics
   */
  GenerateRequest restore(GenerateRequest asked, ModelProfile profile) {
    if (!model.equals(digest(profile.fingerprint()))) {
      throw new InvalidRequestException(
          Kind.FAILED_PRECONDITION,
          FIELD,
          "the stream was begun on other weights, or with other numbers in its cache, than this"
              + " server's "
              + profile.name());
    }
    if (numerics != profile.numerics()) {
      throw new InvalidRequestException(
          Kind.FAILED_PRECONDITION,
          FIELD,
          "the stream was begun with numerics "
              + Numerics.describe(numerics)
              + ", this server has "
              + Numerics.describe(profile.numerics())
              + ", whose answers may differ");
    }
    if (!request.equals(digestOf(asked))) {
      throw invalid("resume", "all other fields must be as in the first request, and they are not");
    }
    return asked.toBuilder()
        .setRequestId(decided.getRequestId())
        .mergeSampling(decided.getEffectiveSampling())
        .mergeStop(decided.getEffectiveStop())
        .build();
  }

  private static ByteString digestOf(GenerateRequest request) {
    MessageDigest digest = sha256();
    try {
      // Deterministic: maps in order of their keys.
      CodedOutputStream out =
          CodedOutputStream.newInstance(
              new DigestOutputStream(OutputStream.nullOutputStream(), digest));
      out.useDeterministicSerialization();
      request.toBuilder().clearResume().build().writeTo(out);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException("a digest has no input or output", e);
    }
    return ByteString.copyFrom(digest.digest());
  }

  private static ByteString digest(String text) {
    return ByteString.copyFrom(sha256().digest(text.getBytes(StandardCharsets.UTF_8)));
  }

  private static byte[] check(byte[] head, byte[] body) {
    MessageDigest digest = sha256();
    digest.update(head);
    return Arrays.copyOf(digest.digest(body), CHECK_BYTES);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
