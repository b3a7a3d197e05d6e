namespace PerfCompare.Agent;

/// <summary>The agent's log is stderr; stdout belongs to the protocol.</summary>
internal static class Log
{
    public static void Write(string message) => Console.Error.WriteLine(message);
}
