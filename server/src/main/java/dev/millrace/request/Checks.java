package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import com.google.protobuf.Message;
import dev.millrace.request.InvalidRequestException.Kind;
import java.time.Duration;
import java.util.List;

/** Range checks of single fields. Each failure names the field, what it was and what is allowed. */
public final class Checks {
  private static final int NANOS_PER_SECOND = 1_000_000_000;

  private Checks() {}

  /** A uint32, which Java has as an int, in [least, most]. */
  static int count(String field, int unsigned, int least, int most) {
    long value = Integer.toUnsignedLong(unsigned);
    if (value < least || value > most) {
      throw invalid(field, value + "; allowed is " + least + " to " + most);
    }
    return (int) value;
  }

  static void atMost(String field, String what, int count, int most) {
    if (count > most) {
      throw invalid(field, count + " " + what + "; allowed are at most " + most);
    }
  }

  /** Ids of a vocabulary, which must be below its size. */
  public static int[] tokenIds(String field, List<Integer> ids, int vocabulary) {
    int[] checked = new int[ids.size()];
    for (int i = 0; i < checked.length; i++) {
      int id = ids.get(i);
      if (Integer.compareUnsigned(id, vocabulary) >= 0) {
        throw invalid(
            field + "[" + i + "]",
            Integer.toUnsignedLong(id) + "; the vocabulary's ids are 0 to " + (vocabulary - 1));
      }
      checked[i] = id;
    }
    return checked;
  }

  /** Above 0 and at most {@link Limits#MAX_TIME}. */
  static Duration duration(String field, com.google.protobuf.Duration asked) {
    boolean ordinary =
        asked.getSeconds() >= 0
            && asked.getSeconds() <= Limits.MAX_TIME.toSeconds()
            && asked.getNanos() >= 0
            && asked.getNanos() < NANOS_PER_SECOND;
    if (ordinary) {
      Duration value = Duration.ofSeconds(asked.getSeconds(), asked.getNanos());
      if (value.isPositive() && value.compareTo(Limits.MAX_TIME) <= 0) {
        return value;
      }
    }
    throw invalid(
        field,
        asked.getSeconds()
            + " s and "
            + asked.getNanos()
            + " ns; allowed is above 0, to "
            + Limits.MAX_TIME.toHours()
            + " hours");
  }

  /** Enumerations are open in proto3: numbers that the contract doesn't have arrive as they are. */
  static void known(String field, Enum<?> value, int number) {
    if (value.name().equals("UNRECOGNIZED")) {
      throw invalid(field, number + "; the contract has no such value");
    }
  }

  /** Fields from a newer contract: what they ask for can't be done by leaving it out. */
  static void noUnknownFields(String path, Message message) {
    var unknown = message.getUnknownFields().asMap().keySet();
    if (!unknown.isEmpty()) {
      throw new InvalidRequestException(
          Kind.UNIMPLEMENTED,
          path.isEmpty() ? message.getDescriptorForType().getName() : path,
          "field number "
              + unknown.iterator().next()
              + " of "
              + message.getDescriptorForType().getFullName()
              + " is not in the contract that this server knows");
    }
    message
        .getAllFields()
        .forEach(
            (field, value) -> {
              String at = path.isEmpty() ? field.getName() : path + "." + field.getName();
              if (value instanceof Message nested) {
                noUnknownFields(at, nested);
              } else if (value instanceof List<?> list
                  && !list.isEmpty()
                  && list.getFirst() instanceof Message) {
                for (Object each : list) {
                  noUnknownFields(at, (Message) each);
                }
              }
            });
  }
}
