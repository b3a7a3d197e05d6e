using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Protocol;

/// <summary>Reads a message by its types and then by its rules.</summary>
internal static class MessageReader
{
    /// <exception cref="JsonException">The value is not such a message.</exception>
    public static T Read<T>(JsonElement value, JsonTypeInfo<T> type)
        where T : class
    {
        T message;
        try
        {
            message = value.Deserialize(type) ?? throw new JsonException("is null");
        }
        catch (JsonException problem) when (problem.Path is { Length: > 1 } path && !problem.Message.Contains(path[2..], StringComparison.Ordinal))
        {
            // A converter of ours says what is wrong, the library knows where.
            throw new JsonException($"{path[2..]} {problem.Message}", problem);
        }
        catch (InvalidOperationException problem)
        {
            // Text that is no Unicode, such as half of a surrogate pair.
            throw new JsonException(problem.Message, problem);
        }

        return message is IValidated validated && validated.FindProblem() is { } broken
            ? throw new JsonException(broken)
            : message;
    }
}
