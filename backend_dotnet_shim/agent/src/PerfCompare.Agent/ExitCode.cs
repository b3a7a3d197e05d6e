namespace PerfCompare.Agent;

/// <summary>How the process ends; 78 means that starting again would fail the same way.</summary>
internal enum ExitCode
{
    Done = 0,
    ProtocolBroken = 65,
    Configuration = 78,
}
